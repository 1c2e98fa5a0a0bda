//! Where everything goes in a pack: known before a weight is read, so that shards can be written in one pass.

use serde_json::{Map, Value, json};

use crate::{Dtype, FileEntry, MAX_BUFFER, MAX_SHARD, PieceEntry, Scheme, Shard, TensorEntry};

/// A pack's shards and tensors.
#[derive(Clone, Debug, PartialEq)]
pub struct Layout {
    /// The shards in the order of their stages; their hashes are empty.
    pub shards: Vec<Shard>,
    /// The tensors with their pieces.
    pub tensors: Vec<TensorEntry>,
    /// What each shard holds: tensor and piece, in order.
    pub contents: Vec<Vec<(usize, usize)>>,
    /// The bytes before each shard's data.
    pub headers: Vec<Vec<u8>>,
}

impl Layout {
    /// Lays out tensors, given with their stages, which follow each other. Their pieces are made here.
    pub fn new(tensors: Vec<(&'static str, TensorEntry)>) -> Self {
        let mut layout = Self { shards: vec![], tensors: vec![], contents: vec![], headers: vec![] };
        let (mut room, mut in_stage) = (0, None);
        for (stage, mut tensor) in tensors {
            if in_stage != Some(stage) {
                in_stage = Some(stage);
                layout.new_shard(stage);
                room = MAX_SHARD;
            }
            tensor.pieces.clear();
            for rows in rows_of_pieces(&tensor) {
                let bytes = row_bytes(&tensor) * rows as u64;
                let empty = layout.contents.last().is_none_or(Vec::is_empty);
                if bytes > room && !empty {
                    layout.new_shard(stage);
                    room = MAX_SHARD;
                }
                room = room.saturating_sub(bytes);
                let shard = layout.shards.len() - 1;
                if let Some(contents) = layout.contents.last_mut() {
                    contents.push((layout.tensors.len(), tensor.pieces.len()));
                }
                tensor.pieces.push(PieceEntry { shard, rows });
            }
            layout.tensors.push(tensor);
        }
        for (index, contents) in layout.contents.iter().enumerate() {
            let (header, bytes) = header(&layout.tensors, contents);
            if let Some(shard) = layout.shards.get_mut(index) {
                shard.file.bytes = header.len() as u64 + bytes;
            }
            layout.headers.push(header);
        }
        layout
    }

    fn new_shard(&mut self, stage: &str) {
        let number = 1 + self.shards.iter().filter(|shard| shard.stage == stage).count();
        let path = format!("{stage}-{number:05}.safetensors");
        let file = FileEntry { path, bytes: 0, sha256: String::new() };
        self.shards.push(Shard { stage: stage.to_owned(), file });
        self.contents.push(Vec::new());
    }

    /// All bytes of all shards.
    pub fn bytes(&self) -> u64 {
        self.shards.iter().map(|shard| shard.file.bytes).sum()
    }
}

/// Bytes of one row, codes and scales.
fn row_bytes(tensor: &TensorEntry) -> u64 {
    let columns = tensor.columns();
    match tensor.scheme {
        Scheme::F32 => 4 * columns as u64,
        Scheme::F16 | Scheme::Bf16 => 2 * columns as u64,
        Scheme::F8 => columns as u64,
        scheme => scheme.row_bytes(columns) as u64,
    }
}

/// How many rows go into each piece: only matrices are cut, so that no buffer is too large to be bound.
fn rows_of_pieces(tensor: &TensorEntry) -> Vec<usize> {
    let rows = tensor.shape.first().copied().unwrap_or(1);
    if tensor.shape.len() != 2 {
        return vec![rows];
    }
    let most = usize::try_from(MAX_BUFFER / row_bytes(tensor).max(1)).unwrap_or(usize::MAX).max(1);
    // Of about equal size.
    let pieces = rows.div_ceil(most).max(1);
    let each = rows.div_ceil(pieces);
    (0..pieces)
        .map(|piece| each.min(rows - (piece * each).min(rows)))
        .filter(|rows| *rows > 0 || pieces == 1)
        .collect()
}

/// The header of a shard.
fn header(tensors: &[TensorEntry], contents: &[(usize, usize)]) -> (Vec<u8>, u64) {
    let parts = |&(tensor, piece): &(usize, usize)| tensors.get(tensor).map(|tensor| tensor.parts(piece));
    safetensors_header(contents.iter().filter_map(parts).flatten())
}

/// The header of a safetensors file with its length before it, and how many bytes of data follow: names, dtypes and shapes
/// in the order of the data.
pub fn safetensors_header(tensors: impl IntoIterator<Item = (String, Dtype, Vec<usize>)>) -> (Vec<u8>, u64) {
    let (mut entries, mut at) = (Map::new(), 0_u64);
    for (name, dtype, shape) in tensors {
        let bytes = shape.iter().product::<usize>() as u64 * dtype.size() as u64;
        let entry = json!({"dtype": dtype.name(), "shape": shape, "data_offsets": [at, at + bytes]});
        entries.insert(name, entry);
        at += bytes;
    }
    let mut json = Value::Object(entries).to_string().into_bytes();
    // Data begins at a multiple of eight bytes.
    json.resize(json.len().next_multiple_of(8), b' ');
    let mut header = (json.len() as u64).to_le_bytes().to_vec();
    header.extend(json);
    (header, at)
}

impl Scheme {
    /// The scheme of floats of this dtype.
    pub fn of_dtype(dtype: Dtype) -> Option<Self> {
        match dtype {
            Dtype::F32 => Some(Self::F32),
            Dtype::F16 => Some(Self::F16),
            Dtype::Bf16 => Some(Self::Bf16),
            Dtype::F8E4m3 => Some(Self::F8),
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tensor(name: &str, shape: &[usize], scheme: Scheme) -> TensorEntry {
        let (component, name) = ("c".to_owned(), name.to_owned());
        TensorEntry { component, name, shape: shape.to_vec(), scheme, pieces: vec![] }
    }

    #[test]
    fn stages_have_shards_of_their_own_and_nothing_is_too_large() {
        let layout = Layout::new(vec![
            ("architect", tensor("table", &[168_064, 4096], Scheme::Bf16)),
            ("architect", tensor("small", &[64, 64], Scheme::Q4)),
            ("painter", tensor("bias", &[3], Scheme::F16)),
            ("painter", tensor("scalar", &[], Scheme::F32)),
        ]);
        let table = &layout.tensors[0];
        assert_eq!(table.pieces.iter().map(|piece| piece.rows).sum::<usize>(), 168_064);
        assert!(table.pieces.iter().all(|piece| piece.rows as u64 * 8192 <= MAX_BUFFER));
        assert!(layout.shards.iter().all(|shard| shard.file.bytes <= MAX_SHARD + (1 << 16)));
        assert_eq!(layout.shards.last().unwrap().stage, "painter");
        assert_eq!(layout.shards.last().unwrap().file.path, "painter-00001.safetensors");
        let order: Vec<usize> = layout.contents.concat().iter().map(|(tensor, _)| *tensor).collect();
        assert!(order.is_sorted());
    }

    #[test]
    fn a_tensor_without_bytes_has_a_shard_too() {
        let empty = || tensor("empty", &[0, 4], Scheme::F32);
        let layout = Layout::new(vec![("architect", empty()), ("painter", empty())]);
        let stages: Vec<&str> = layout.shards.iter().map(|shard| shard.stage.as_str()).collect();
        assert_eq!(stages, ["architect", "painter"]);
        assert_eq!(layout.contents, [[(0, 0)], [(1, 0)]]);
    }

    #[test]
    fn a_tensor_that_cannot_be_cut_leaves_no_empty_shard_behind() {
        let large = tensor("large", &[1 << 27, 1, 1], Scheme::F32);
        let layout = Layout::new(vec![("decoder", large.clone()), ("decoder", large)]);
        assert_eq!(layout.contents, [[(0, 0)], [(1, 0)]]);
    }

    #[test]
    fn headers_are_what_the_reader_reads() {
        let layout = Layout::new(vec![
            ("painter", tensor("w", &[4, 64], Scheme::Q8)),
            ("painter", tensor("b", &[3], Scheme::F16)),
        ]);
        let header = crate::Header::parse("x", &layout.headers[0][8..], layout.shards[0].file.bytes).unwrap();
        assert_eq!(header.tensors["c/w.codes"].shape, [4, 16]);
        assert_eq!(header.tensors["c/w.scales"].shape, [4, 1]);
        assert_eq!(
            (header.tensors["c/b"].dtype, header.tensors["c/b"].range.end),
            (Dtype::F16, layout.shards[0].file.bytes)
        );
    }
}
