/// A proof, or an exported log, does not show what it claims.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum ProofError {
    /// It is not such a text, in the one spelling that it has.
    #[error("not a proof or checkpoint of this suite, or not in its one spelling")]
    Malformed,
    /// A format that this version does not know: read it with a newer one.
    #[error("a newer format: read it with a newer version")]
    Newer,
    /// It is of another log than the key is for.
    #[error("it is of another log than the key is for")]
    OtherLog,
    /// The key did not sign it.
    #[error("the signature of a checkpoint is not by this key")]
    Signature,
    /// The event that it tells of is not the one that was logged.
    #[error("the event is not the one that was logged")]
    Event,
    /// The hashes do not lead from the entry, or from the older checkpoint, to the root that was signed.
    #[error("the hashes do not lead to the root that was signed")]
    Path,
}
