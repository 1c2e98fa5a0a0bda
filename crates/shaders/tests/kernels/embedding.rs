use atelier_weights::Scheme;
use burn::tensor::{DType, Device, Tensor, TensorData};

use super::packed::{PACKED, Words};
use crate::witnesses::{Random, compare, compare_twin};

type Rows = (Words, usize, Vec<i32>);

/// Some ids lie before the piece, some after.
fn cases(random: &mut Random, schemes: &[Scheme]) -> Rows {
    let (rows, columns) = (random.size(60), 32 * random.size(5));
    let first = random.size(20) - 1;
    let ids: Vec<i32> = (0..random.size(30)).map(|_| random.size(90) as i32 - 1).collect();
    let scheme = schemes[random.size(schemes.len() as u64) - 1];
    (Words::of(random, scheme, [rows, columns]), first, ids)
}

fn rows((words, first, ids): &Rows, device: &Device) -> Tensor<2> {
    let ids = Tensor::from_data(TensorData::new(ids.clone(), [ids.len()]), (device, DType::I32));
    words.on(device, |table| atelier_shaders::embedding(table, ids, *first))
}

#[test]
fn embedding() {
    compare(0.0, |random| cases(random, PACKED), rows);
    compare_twin(0.0, |random| cases(random, Scheme::ALL), rows);
}
