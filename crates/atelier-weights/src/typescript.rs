//! The manifest as the npm package sees it.

use testkit::TypeScript;

use crate::{FileEntry, MANIFEST, Manifest, PACK_FORMAT, PieceEntry, Scheme, Search, Shard, TensorEntry};

#[test]
fn manifest_in_typescript() {
    TypeScript::of("atelier-weights")
        .constant("MANIFEST", "The manifest's file.", MANIFEST)
        .constant("PACK_FORMAT", "The format of every manifest.", PACK_FORMAT)
        .declare::<Manifest>()
        .declare::<FileEntry>()
        .declare::<Shard>()
        .declare::<TensorEntry>()
        .declare::<PieceEntry>()
        .variants::<Scheme>()
        .variants::<Search>()
        .assert("pack.ts");
}
