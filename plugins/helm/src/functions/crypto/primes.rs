//! Large primes for RSA keys.
//!
//! The RSA crate makes its primes in constant time, which takes minutes inside a component. Keys of charts are made and
//! written down at once, so nothing is hidden by that; a sieve and Miller-Rabin with variable time take a fraction of a second.

use num_bigint::BigUint;

/// Rounds of Miller-Rabin; for numbers of 512 bits and more the chance of a mistake is below 2^-100
/// (Handbook of Applied Cryptography, table 4.4, with room to spare).
const ROUNDS: usize = 8;
/// Numbers after the random start that are looked at before a new start is drawn.
const WINDOW: usize = 4_096;
const SMALL: usize = 60_000;

/// A random prime of exactly so many bits with the two highest set, so that the product of two has twice as many.
/// Numbers that leave 1 when divided by `exponent` are passed over: no RSA key could be made with them.
pub(super) fn prime(bits: u64, exponent: u32) -> BigUint {
    let one = BigUint::from(1u8);
    search(
        bits,
        &BigUint::from(2u8),
        || random(bits) | BigUint::from(3u8) << (bits - 2) | &one,
        |candidate| candidate % exponent != one,
    )
}

/// A random prime of exactly so many bits that leaves 1 when divided by `divisor`, an odd number.
pub(super) fn prime_over(bits: u64, divisor: &BigUint) -> BigUint {
    let step = divisor << 1u8;
    let start = || {
        let number = random(bits) | BigUint::from(1u8) << (bits - 1);
        &number - &number % &step + BigUint::from(1u8)
    };
    search(bits, &step, start, |_| true)
}

/// The first prime that may be taken among the numbers that lie a step apart, from random starts on.
fn search(
    bits: u64,
    step: &BigUint,
    start: impl Fn() -> BigUint,
    may_be_taken: impl Fn(&BigUint) -> bool,
) -> BigUint {
    let small = small_primes();
    loop {
        let start = start();
        for count in survivors(&start, step, &small) {
            let candidate = &start + step * count;
            if candidate.bits() > bits {
                break;
            }
            if candidate.bits() == bits && may_be_taken(&candidate) && is_prime(&candidate) {
                return candidate;
            }
        }
    }
}

/// How many steps to take from a start to numbers that no small prime divides.
fn survivors(start: &BigUint, step: &BigUint, small: &[u32]) -> impl Iterator<Item = u32> + use<> {
    let mut divided = vec![false; WINDOW];
    for &prime in small {
        let rest = |number: &BigUint| u64::from((number % prime).iter_u32_digits().next().unwrap_or(0));
        let prime = u64::from(prime);
        let inverse = power_of_small(rest(step), prime - 2, prime);
        // Of a step that the prime divides, no number is divided, as the start is not.
        if inverse != 0 {
            let first = (prime - rest(start)) * inverse % prime;
            (first as usize..WINDOW).step_by(prime as usize).for_each(|at| divided[at] = true);
        }
    }
    divided.into_iter().zip(0..).filter(|(divided, _)| !divided).map(|(_, count)| count)
}

fn power_of_small(mut base: u64, mut exponent: u64, modulus: u64) -> u64 {
    let mut power = 1;
    while exponent > 0 {
        if exponent & 1 == 1 {
            power = power * base % modulus;
        }
        base = base * base % modulus;
        exponent >>= 1;
    }
    power
}

/// A power below an odd modulus.
pub(super) fn power(base: &BigUint, exponent: &BigUint, modulus: &BigUint) -> BigUint {
    let field = Montgomery::new(modulus);
    field.leave(&field.power(base, exponent))
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
    let field = Montgomery::new(number);
    let below = number - BigUint::from(1u8);
    let twos = below.trailing_zeros().unwrap_or(0);
    let odd = &below >> twos;
    let (one, minus_one) = (field.enter(&BigUint::from(1u8)), field.enter(&below));
    (0..ROUNDS).all(|round| {
        // Base 2 first: it throws out nearly everything.
        let mut power = match round {
            0 => field.power_of_two(&odd),
            _ => field.power(&(random(number.bits() - 1) + 2u8), &odd),
        };
        if power == one || power == minus_one {
            return true;
        }
        for _ in 1..twos {
            power = field.multiply(&power, &power);
            if power == minus_one {
                return true;
            }
        }
        false
    })
}

/// Numbers below an odd modulus in Montgomery's form, in limbs of 64 bits: components multiply those in one
/// instruction, while the library for big numbers takes limbs of 32 bits there.
struct Montgomery {
    modulus: Vec<u64>,
    /// What the lowest limb is multiplied with to vanish.
    inverse: u64,
    /// The square of the form's factor.
    square: Vec<u64>,
    one: Vec<u64>,
}

impl Montgomery {
    fn new(number: &BigUint) -> Self {
        let modulus = number.to_u64_digits();
        // Newton's iteration doubles the right bits: 3, 6, 12, ..., 96.
        let low = modulus[0];
        let inverse =
            (0..5).fold(low, |found, _| found.wrapping_mul(2u64.wrapping_sub(low.wrapping_mul(found))));
        let factor = BigUint::from(1u8) << (64 * modulus.len());
        let limbs = |number: BigUint| {
            let mut limbs = number.to_u64_digits();
            limbs.resize(modulus.len(), 0);
            limbs
        };
        let one = limbs(&factor % number);
        let square = limbs(&factor * &factor % number);
        Self { inverse: inverse.wrapping_neg(), square, one, modulus }
    }

    fn enter(&self, number: &BigUint) -> Vec<u64> {
        let mut limbs = number.to_u64_digits();
        limbs.resize(self.modulus.len(), 0);
        self.multiply(&limbs, &self.square)
    }

    fn leave(&self, number: &[u64]) -> BigUint {
        let mut one = vec![0; self.modulus.len()];
        one[0] = 1;
        BigUint::new(halves(&self.multiply(number, &one)))
    }

    /// The product of two numbers, reduced limb by limb.
    fn multiply(&self, left: &[u64], right: &[u64]) -> Vec<u64> {
        let count = self.modulus.len();
        let mut sum = vec![0u64; count + 2];
        for &factor in right {
            let mut carry = 0;
            for (place, &limb) in sum.iter_mut().zip(left) {
                (*place, carry) = multiply_add(limb, factor, *place, carry);
            }
            let (top, overflow) = sum[count].overflowing_add(carry);
            (sum[count], sum[count + 1]) = (top, u64::from(overflow));
            let factor = sum[0].wrapping_mul(self.inverse);
            let (_, mut carry) = multiply_add(self.modulus[0], factor, sum[0], 0);
            for index in 1..count {
                (sum[index - 1], carry) = multiply_add(self.modulus[index], factor, sum[index], carry);
            }
            let (top, overflow) = sum[count].overflowing_add(carry);
            (sum[count - 1], sum[count]) = (top, sum[count + 1] + u64::from(overflow));
        }
        self.reduced(sum)
    }

    /// Takes the modulus off a number below its double.
    fn reduced(&self, mut number: Vec<u64>) -> Vec<u64> {
        let count = self.modulus.len();
        let is_larger = number[count] != 0 || number[..count].iter().rev().ge(self.modulus.iter().rev());
        if is_larger {
            let mut borrow = false;
            for (place, &limb) in number.iter_mut().zip(&self.modulus) {
                let (less, first) = place.overflowing_sub(limb);
                let (less, second) = less.overflowing_sub(u64::from(borrow));
                (*place, borrow) = (less, first | second);
            }
        }
        number.truncate(count);
        number
    }

    /// A power of two: squares and doublings.
    fn power_of_two(&self, exponent: &BigUint) -> Vec<u64> {
        let mut power = self.one.clone();
        for bit in (0..exponent.bits()).rev() {
            power = self.multiply(&power, &power);
            if exponent.bit(bit) {
                let mut carry = 0;
                for limb in &mut power {
                    (*limb, carry) = (*limb << 1 | carry, *limb >> 63);
                }
                power.push(carry);
                power = self.reduced(power);
            }
        }
        power
    }

    /// A power, four bits of the exponent at a time.
    fn power(&self, base: &BigUint, exponent: &BigUint) -> Vec<u64> {
        let base = self.enter(&(base % BigUint::from_slice(&halves(&self.modulus))));
        let mut powers = vec![self.one.clone()];
        for index in 0..15 {
            powers.push(self.multiply(&powers[index], &base));
        }
        let mut power = self.one.clone();
        for window in (0..exponent.bits().div_ceil(4)).rev() {
            for _ in 0..4 {
                power = self.multiply(&power, &power);
            }
            let bits =
                (0..4).filter(|bit| exponent.bit(window * 4 + bit)).map(|bit| 1usize << bit).sum::<usize>();
            power = self.multiply(&power, &powers[bits]);
        }
        power
    }
}

fn halves(limbs: &[u64]) -> Vec<u32> {
    limbs.iter().flat_map(|limb| [*limb as u32, (*limb >> 32) as u32]).collect()
}

/// `left * right + more + carry` in two limbs.
fn multiply_add(left: u64, right: u64, more: u64, carry: u64) -> (u64, u64) {
    let sum = u128::from(left) * u128::from(right) + u128::from(more) + u128::from(carry);
    (sum as u64, (sum >> 64) as u64)
}

/// A random number of at most so many bits.
pub(super) fn random(bits: u64) -> BigUint {
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
    fn powers_are_those_of_the_library() {
        for bits in [3, 64, 65, 130, 521] {
            let modulus = random(bits) | BigUint::from(1u8) | BigUint::from(1u8) << (bits - 1);
            let (base, exponent) = (random(bits), random(bits + 7));
            let field = Montgomery::new(&modulus);
            let two = BigUint::from(2u8);
            assert_eq!(field.power(&base, &exponent), field.enter(&base.modpow(&exponent, &modulus)));
            assert_eq!(field.power_of_two(&exponent), field.enter(&two.modpow(&exponent, &modulus)));
        }
    }

    #[test]
    fn a_prime_over_a_divisor_is_one_more_than_a_multiple() {
        let divisor = prime(64, 65_537);
        let prime = prime_over(256, &divisor);
        assert_eq!(prime.bits(), 256);
        assert_eq!(&prime % &divisor, BigUint::from(1u8));
        let two = BigUint::from(2u8);
        assert_eq!(power(&two, &(&prime - 1u8), &prime), BigUint::from(1u8));
    }

    #[test]
    fn a_prime_has_the_bits_asked_for() {
        let prime = prime(256, 65_537);
        assert_eq!(prime.bits(), 256);
        assert!(prime.bit(254) && prime.bit(0));
    }
}
