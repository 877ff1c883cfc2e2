use strongroom_core::{Range, RecordKey, Segment, StoreError, Table, Tenant};

/// Which tenant and accessor a text stands for, under the system tenant, by a keyed hash of the hash of the text.
const TEXTS: Table = Table::new(0x0201);
/// Service tokens of a tenant, by a keyed hash of the accessor.
const TOKENS: Table = Table::new(0x0202);
/// Which tokens a token has made, by keyed hashes of both accessors.
const CHILDREN: Table = Table::new(0x0203);

pub(crate) type Accessor = [u8; 16];

pub(crate) fn text(hash: &[u8; 32]) -> Result<RecordKey, StoreError> {
    Ok(RecordKey::new(Tenant::SYSTEM, TEXTS, &[Segment::Blind(hash)])?)
}

pub(crate) fn token(tenant: Tenant, accessor: &Accessor) -> Result<RecordKey, StoreError> {
    Ok(RecordKey::new(tenant, TOKENS, &[Segment::Blind(accessor)])?)
}

pub(crate) fn tokens(tenant: Tenant) -> Result<Range, StoreError> {
    Ok(Range::under(tenant, TOKENS, &[])?)
}

pub(crate) fn child(tenant: Tenant, parent: &Accessor, child: &Accessor) -> Result<RecordKey, StoreError> {
    Ok(RecordKey::new(tenant, CHILDREN, &[Segment::Blind(parent), Segment::Blind(child)])?)
}

pub(crate) fn children(tenant: Tenant, parent: &Accessor) -> Result<Range, StoreError> {
    Ok(Range::under(tenant, CHILDREN, &[Segment::Blind(parent)])?)
}
