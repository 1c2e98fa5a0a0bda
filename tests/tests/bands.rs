//! The decoder in bands: the same picture as whole, in a fraction of the memory.

use atelier::device::tally;
use atelier::vae::Decoder;
use atelier::{Checkpoint, Device};
use atelier_mini::Mini;
use atelier_shaders::Features;
use atelier_tests::{block_on, cpu, load, software_gpu, software_gpu_with};
use burn::tensor::{Tensor, TensorData};

fn decoder(device: &Device) -> Decoder {
    let checkpoint = block_on(Checkpoint::open(std::sync::Arc::new(Mini))).unwrap();
    load(&checkpoint, device)
}

/// Latents with slopes and grain, so that bands differ from each other.
fn latents(height: usize, width: usize, device: &Device) -> Tensor<4> {
    let value = |i: usize| {
        let (channel, row, column) = (i / (height * width), i / width % height, i % width);
        let grain = (i * 7919 % 997) as f32 / 997.0 - 0.5;
        (channel as f32 - 8.0) / 6.0 + row as f32 / height as f32 * 3.0 - column as f32 / 20.0 + grain
    };
    let values: Vec<f32> = (0..16 * height * width).map(value).collect();
    Tensor::from_data(TensorData::new(values, [1, 16, height, width]), device)
}

fn read(tensor: Tensor<4>) -> Vec<f32> {
    block_on(tensor.into_data_async()).unwrap().try_to_vec().unwrap()
}

/// Decibels, for values of -1 to 1.
fn psnr(a: &[f32], b: &[f32]) -> f64 {
    let squares: f64 = a.iter().zip(b).map(|(a, b)| f64::from(a - b).powi(2)).sum();
    10.0 * (4.0 / (squares / a.len() as f64).max(1e-30)).log10()
}

fn bands_equal_the_whole(device: &Device, height: usize, width: usize, band_bytes: &[u64]) {
    let decoder = decoder(device);
    let whole = read(decoder.forward(latents(height, width, device)));
    for &bytes in band_bytes {
        let bands = read(decoder.forward_in_bands(latents(height, width, device), bytes));
        assert_eq!(bands.len(), whole.len());
        let found = psnr(&bands, &whole);
        assert!(found >= 90.0, "bands of {bytes} bytes: {found:.1} dB");
    }
}

/// One row at a time, some rows, rows that do not divide the height, and all of it in one band.
#[test]
fn bands_equal_the_whole_on_the_cpu() {
    bands_equal_the_whole(&cpu(), 12, 20, &[1, 40_000, 130_000, 1 << 30]);
    bands_equal_the_whole(&cpu(), 7, 4, &[1, 30_000]);
}

#[test]
fn bands_equal_the_whole_on_the_gpu() {
    bands_equal_the_whole(&software_gpu(), 6, 8, &[20_000]);
}

/// A doubled map is never kept: its convolution is computed for the norm and once more for what follows, not for each of what
/// follows. The rows that bands have in common come on top.
#[test]
fn doubled_maps_are_convolved_twice_at_most() {
    let device = software_gpu_with(Features::default());
    let decoder = decoder(&device);
    let (height, width) = (16, 8);
    let operations = |pixels: Tensor<4>| {
        read(pixels);
        tally(&device).operations
    };
    tally(&device);
    let whole = operations(decoder.forward(latents(height, width, &device)));
    // In one band nothing is computed twice but these.
    let one_band = operations(decoder.forward_in_bands(latents(height, width, &device), 1 << 30));

    let checkpoint = block_on(Checkpoint::open(std::sync::Arc::new(Mini))).unwrap();
    let channels = checkpoint.config().vae.block_out_channels.clone();
    let doubled = channels.iter().rev().enumerate().take(channels.len() - 1).map(|(level, &channels)| {
        let pixels = (height * width) << (2 * (level + 1));
        18.0 * (channels * channels * pixels) as f64
    });
    let doubled: f64 = doubled.sum();
    let more = (one_band - whole) / doubled;
    println!("convolutions of doubled maps: 1 and {more:.3} more, of {:.3} of all", doubled / whole);
    assert!((0.97..1.03).contains(&more), "{more}");
}
