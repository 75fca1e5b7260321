//! DSA keys, which templates can make but nothing can sign with any more.

use num_bigint::BigUint;

use super::der::{integer, sequence, to_pem};
use super::primes::{power, prime_over, random};

/// Bits of the modulus and of the order of the group, as Sprig asks for.
const MODULUS_BITS: u64 = 2048;
const ORDER_BITS: u64 = 256;

/// A new key with parameters of its own, as OpenSSL writes them down.
pub(super) fn key() -> String {
    let order = prime_over(ORDER_BITS, &BigUint::from(1u8));
    let modulus = prime_over(MODULUS_BITS, &order);
    let generator = generator(&modulus, &order);
    // Longer by 64 bits than the order, so that the remainder prefers no number.
    let secret = random(ORDER_BITS + 64) % (&order - 1u8) + 1u8;
    let public = power(&generator, &secret, &modulus);
    let numbers = [&BigUint::ZERO, &modulus, &order, &generator, &public, &secret];
    let parts: Vec<Vec<u8>> = numbers.iter().map(|number| integer(&number.to_bytes_be())).collect();
    let parts: Vec<&[u8]> = parts.iter().map(Vec::as_slice).collect();
    to_pem("DSA PRIVATE KEY", &sequence(&parts))
}

/// The power of the smallest number that makes the group.
fn generator(modulus: &BigUint, order: &BigUint) -> BigUint {
    let (one, exponent) = (BigUint::from(1u8), (modulus - 1u8) / order);
    let mut base = BigUint::from(2u8);
    loop {
        let generator = power(&base, &exponent, modulus);
        if generator != one {
            return generator;
        }
        base += 1u8;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::functions::crypto::der::{from_pem, read, read_all};

    #[test]
    fn the_numbers_of_a_key_belong_together() {
        let (label, der) = from_pem(&key()).unwrap();
        let parts = read_all(read(&der).unwrap().content).unwrap();
        let numbers: Vec<BigUint> = parts.iter().map(|part| BigUint::from_bytes_be(part.content)).collect();
        let [version, modulus, order, generator, public, secret] = numbers.as_slice() else {
            panic!("{label}")
        };
        assert_eq!(
            (label.as_str(), version, modulus.bits(), order.bits()),
            ("DSA PRIVATE KEY", &BigUint::ZERO, 2048, 256)
        );
        assert_eq!((modulus - 1u8) % order, BigUint::ZERO);
        assert_eq!(power(generator, order, modulus), BigUint::from(1u8));
        assert_eq!(&power(generator, secret, modulus), public);
    }
}
