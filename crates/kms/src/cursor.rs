use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use strongroom_core::{Name, Provider, StoreError, Tenant};

use crate::{Filter, KmsError};

const DIGEST: usize = 16;
/// The longest text: of a digest and the longest name.
const LONGEST: usize = (DIGEST + Name::MAX).div_ceil(3) * 4;

/// The text of a place in a listing: base64url of 16 bytes of a digest, and the name.
///
/// The digest binds it to tenant and filter, so that it is not taken for a place in another listing. It is no secret: who
/// makes one up begins where he likes, in a listing that he may have anyway.
pub(crate) fn write(
    provider: &dyn Provider,
    tenant: Tenant,
    filter: &Filter,
    name: &Name,
) -> Result<String, StoreError> {
    let digest = digest(provider, tenant, filter, name)?;
    Ok(URL_SAFE_NO_PAD.encode([&digest, name.as_bytes()].concat()))
}

/// The name in what [`write()`] made for the same tenant and filter.
pub(crate) fn read(
    provider: &dyn Provider,
    tenant: Tenant,
    filter: &Filter,
    text: &str,
) -> Result<Name, KmsError> {
    let (bound, name) = parse(text).ok_or(REFUSED)?;
    if digest(provider, tenant, filter, &name)? == bound { Ok(name) } else { Err(REFUSED) }
}

const REFUSED: KmsError = KmsError::Invalid("this cursor is not of this listing: begin again without one");

fn parse(text: &str) -> Option<([u8; DIGEST], Name)> {
    let short = Some(text).filter(|text| text.len() <= LONGEST)?;
    let bytes = URL_SAFE_NO_PAD.decode(short).ok()?;
    let (bound, name) = bytes.split_first_chunk()?;
    Some((*bound, Name::parse(str::from_utf8(name).ok()?).ok()?))
}

fn digest(
    provider: &dyn Provider,
    tenant: Tenant,
    filter: &Filter,
    name: &Name,
) -> Result<[u8; DIGEST], StoreError> {
    let Filter { prefix, algorithm, state, made_from, made_before } = filter;
    // CBOR tells where it ends; the name is what remains.
    let asked = minicbor::to_vec((prefix, algorithm, state, made_from, made_before));
    let asked = asked.map_err(|_| StoreError::Corrupt)?;
    let all = provider.sha256(&[b"strongroom/v1/listing", tenant.as_bytes(), &asked, name.as_bytes()]);
    let mut first = [0; DIGEST];
    first.iter_mut().zip(all).for_each(|(to, from)| *to = from);
    Ok(first)
}
