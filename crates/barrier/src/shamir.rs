//! Shamir's secret sharing over GF(2⁸). No table is looked up by what is secret: a product in the field is eight
//! rounds of shifts and masks in vsss-rs, an inverse is a row of products.

use std::collections::BTreeSet;

use strongroom_core::{KeyError, Provider};
use strongroom_keys::SecretRng;
use subtle::ConstantTimeEq;
use vsss_rs::Gf256;
use zeroize::{Zeroize, Zeroizing};

use crate::{Share, ShareError, Split};

/// Splits a secret into the shares of a slot.
///
/// With a threshold of 1 every share is the secret itself, as Vault has it.
pub(crate) fn split(
    provider: &dyn Provider,
    slot: [u8; 16],
    split: Split,
    secret: &[u8; 32],
) -> Result<Vec<Share>, KeyError> {
    let Split { shares, threshold } = split;
    let new = |index, value: &[u8; 32]| Share::new(provider, slot, threshold, index, value);
    if threshold == 1 {
        return Ok((1..=shares).map(|index| new(index, secret)).collect());
    }
    let mut rng = SecretRng::new(provider.random());
    let mut made = Gf256::split_bytes(threshold.into(), shares.into(), secret, &mut rng)
        .map_err(|_| KeyError::Failed)?;
    // A share of vsss-rs is its index, then its value.
    let read = |bytes: &Vec<u8>| match bytes.split_first() {
        Some((index, value)) => Ok(new(*index, value.try_into().map_err(|_| KeyError::Failed)?)),
        None => Err(KeyError::Failed),
    };
    let shares = made.iter().map(read).collect::<Result<Vec<Share>, KeyError>>();
    made.iter_mut().for_each(Zeroize::zeroize);
    let shares = if rng.failed() { Err(KeyError::Random) } else { shares }?;
    give_the_secret(&shares, threshold, secret)?;
    Ok(shares)
}

/// Looks at each share once before anybody gets it, together with as many as are needed.
fn give_the_secret(shares: &[Share], threshold: u8, secret: &[u8; 32]) -> Result<(), KeyError> {
    let threshold = usize::from(threshold);
    let last = shares.len().saturating_sub(threshold);
    for start in (0..last).step_by(threshold).chain([last]) {
        let enough = shares.get(start..start + threshold).ok_or(KeyError::Failed)?;
        let same = combine(enough).is_ok_and(|again| bool::from(again.as_slice().ct_eq(secret)));
        if !same {
            return Err(KeyError::Failed);
        }
    }
    Ok(())
}

/// The secret of shares that the slot's record has confirmed one by one.
pub(crate) fn combine(shares: &[Share]) -> Result<Zeroizing<[u8; 32]>, ShareError> {
    let first = shares.first().ok_or(ShareError::Missing { missing: 1 })?;
    let mut seen = BTreeSet::new();
    if let Some(twice) = shares.iter().find(|share| !seen.insert(share.index())) {
        return Err(ShareError::Doubled(twice.index()));
    }
    let threshold = usize::from(first.threshold());
    if shares.len() < threshold {
        return Err(ShareError::Missing {
            missing: u8::try_from(threshold - shares.len()).unwrap_or(u8::MAX),
        });
    }
    let mut points: Vec<Vec<u8>> = shares.iter().take(threshold).map(Share::point).collect();
    let secret = match points.as_slice() {
        [only] => Ok(only.get(1..).unwrap_or_default().to_vec()),
        several => Gf256::combine_bytes(several).map_err(|_| ShareError::Wrong),
    };
    points.iter_mut().for_each(Zeroize::zeroize);
    let secret = Zeroizing::new(secret?);
    secret.as_slice().try_into().map(Zeroizing::new).map_err(|_| ShareError::Wrong)
}

#[cfg(test)]
mod tests;
