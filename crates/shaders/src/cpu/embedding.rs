//! Twin of [`crate::embedding()`].

use burn::backend::Flex;
use burn_flex::FlexTensor;

use super::packed::Matrix;
use super::tensor;
use crate::packed::Packed;

pub fn twin(table: Packed<Flex>, ids: FlexTensor, first: usize) -> FlexTensor {
    let (table, ids) = (Matrix::of(table), ids.into_data());
    let ids: Vec<i64> = ids.iter::<i64>().collect();
    let mut rows = vec![0.0; ids.len() * table.columns];
    for (&id, row) in ids.iter().zip(rows.chunks_exact_mut(table.columns.max(1))) {
        let place = usize::try_from(id).ok().and_then(|id| id.checked_sub(first));
        if let Some(place) = place.filter(|&place| place < table.rows) {
            table.unpack(place, 0, row);
        }
    }
    tensor(rows, [ids.len(), table.columns])
}
