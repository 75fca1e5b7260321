//! Large primes for RSA keys.
//!
//! The RSA crate makes its primes in constant time, which takes minutes inside a component. Keys of charts are made and
//! written down at once, so nothing is hidden by that; a sieve and Miller-Rabin with variable time take half a second.

use num_bigint::BigUint;

/// Rounds of Miller-Rabin; for numbers of 512 bits and more the chance of a mistake is below 2^-100
/// (Handbook of Applied Cryptography, table 4.4, with room to spare).
const ROUNDS: usize = 8;
/// Odd numbers after the random start that are looked at before a new start is drawn.
const WINDOW: usize = 4_096;
const SMALL: usize = 4_000;

/// A random prime of exactly so many bits with the two highest set, so that the product of two has twice as many.
/// Numbers that leave 1 when divided by `exponent` are passed over: no RSA key could be made with them.
pub(super) fn prime(bits: u64, exponent: u32) -> BigUint {
    let small = small_primes();
    loop {
        let start = random(bits) | BigUint::from(3u8) << (bits - 2) | BigUint::from(1u8);
        for offset in survivors(&start, &small) {
            let candidate = &start + offset;
            if candidate.bits() != bits {
                break;
            }
            if &candidate % exponent != BigUint::from(1u8) && is_prime(&candidate) {
                return candidate;
            }
        }
    }
}

/// Even offsets from an odd start at which no small prime divides.
fn survivors(start: &BigUint, small: &[u32]) -> impl Iterator<Item = u32> + use<> {
    let mut divided = vec![false; WINDOW];
    for &prime in small {
        let rest = (start % prime).iter_u32_digits().next().unwrap_or(0);
        // The first even offset `o` with `start + o` divisible; in steps of `prime` odd multiples follow.
        let gap = (prime - rest) % prime;
        let first = if gap.is_multiple_of(2) { gap } else { gap + prime };
        let mut at = first as usize / 2;
        while at < WINDOW {
            divided[at] = true;
            at += prime as usize;
        }
    }
    divided.into_iter().zip((0u32..).step_by(2)).filter(|(divided, _)| !divided).map(|(_, offset)| offset)
}

fn small_primes() -> Vec<u32> {
    let mut composite = vec![false; SMALL];
    let mut primes = Vec::new();
    for number in 3..SMALL {
        if number % 2 == 0 || composite[number] {
            continue;
        }
        primes.push(number as u32);
        (number * number..SMALL).step_by(number).for_each(|multiple| composite[multiple] = true);
    }
    primes
}

/// Miller-Rabin with random bases.
fn is_prime(number: &BigUint) -> bool {
    let one = BigUint::from(1u8);
    let below = number - &one;
    let twos = below.trailing_zeros().unwrap_or(0);
    let odd = &below >> twos;
    (0..ROUNDS).all(|round| {
        // Base 2 first: it throws out nearly everything.
        let base = if round == 0 { BigUint::from(2u8) } else { random(number.bits() - 1) + 2u8 };
        let mut power = base.modpow(&odd, number);
        if power == one || power == below {
            return true;
        }
        for _ in 1..twos {
            power = &power * &power % number;
            if power == below {
                return true;
            }
        }
        false
    })
}

/// A random number of at most so many bits.
fn random(bits: u64) -> BigUint {
    let mut bytes = vec![0; bits.div_ceil(8) as usize];
    crate::random::fill(&mut bytes);
    BigUint::from_bytes_be(&bytes) >> (bytes.len() as u64 * 8 - bits)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn primes_are_told_apart() {
        let number = |text: &str| text.parse::<BigUint>().unwrap();
        assert!(is_prime(&number("170141183460469231731687303715884105727"))); // 2^127 - 1
        assert!(!is_prime(&number("170141183460469231731687303715884105729")));
        assert!(!is_prime(&(number("170141183460469231731687303715884105727") * 7u8)));
        // A Carmichael number and a strong pseudoprime to base 2.
        assert!(!is_prime(&number("561")));
        assert!(!is_prime(&number("3215031751")));
    }

    #[test]
    fn a_prime_has_the_bits_asked_for() {
        let prime = prime(256, 65_537);
        assert_eq!(prime.bits(), 256);
        assert!(prime.bit(254) && prime.bit(0));
    }
}
