//! Resampling to 64 Hz from common sampling rates equals SciPy.

use nocturne_psg::dsp::{Ratio, Resampler};

/// Rate in hertz and length of the input; length of the output; its values at the start, a third, the middle and the
/// end; its sum and the sum of its squares.
type ReferenceRow = ((f64, u32), usize, [f64; 4], (f64, f64));

/// `scipy.signal.resample_poly` of [`signal`], SciPy 1.17, printed by `resample_reference.py`.
#[rustfmt::skip]
const SCIPY: [ReferenceRow; 21] = [
    ((1.0, 150), 9600, [0.710847230, 0.598683070, -0.437632060, 0.007971176], (841.018169, 6106.044826)),
    ((8.0, 150), 1200, [0.710840523, 0.598677421, -0.437627931, 0.071019583], (105.427873, 763.465415)),
    ((10.0, 150), 960, [0.710846911, 0.598682801, -0.437631864, 0.091150922], (84.409117, 610.822981)),
    ((16.0, 150), 600, [0.710819935, 0.598660081, -0.437615255, 0.156152301], (52.875745, 381.841716)),
    ((25.0, 1500), 3840, [0.710847230, 0.535185551, -0.093166834, 0.047990747], (7.000063, 2528.742369)),
    ((32.0, 1500), 3000, [0.710735334, 0.535101306, -0.093152169, 0.059446669], (5.537371, 1975.456508)),
    ((50.0, 1500), 1920, [0.710846911, 0.535185311, -0.093166792, 0.070407860], (3.647692, 1264.458883)),
    ((64.0, 1500), 1500, [0.710367739, 0.534824550, -0.093103990, 0.052138317], (2.906965, 987.416010)),
    ((200.0 / 3.0, 1500), 1440, [0.702055007, 0.535402527, -0.093067365, 0.042874595], (2.793806, 948.389981)),
    ((100.0, 1500), 960, [0.574805887, 0.354057758, 0.067819483, -0.139744769], (1.841348, 604.417677)),
    ((125.0, 1500), 768, [0.469812964, 0.287636349, 0.127663722, -0.053166287], (1.505365, 481.991960)),
    ((128.0, 1500), 750, [0.464172344, 0.287365870, 0.127876570, -0.049709407], (1.473752, 470.642393)),
    ((200.0, 4000), 1280, [0.391985499, -0.800146873, -0.840131318, -1.324006408], (3.769373, 802.027522)),
    ((250.0, 4000), 1024, [0.347168976, -0.560982920, -0.809558834, -1.017850034], (3.208217, 618.946876)),
    ((256.0, 4000), 1000, [0.328136890, -0.571371705, -0.786693734, -0.973374084], (3.154411, 589.439886)),
    ((487.5, 4000), 526, [0.090519249, -0.627145730, -0.357307776, -0.626755886], (1.301631, 263.672799)),
    ((500.0, 4000), 512, [0.090361940, -0.419941651, -0.507043947, -1.058491332], (1.765364, 256.792050)),
    ((512.0, 4000), 500, [0.090109248, -0.414182387, -0.506929811, -1.060360212], (1.734159, 250.732466)),
    ((1000.0, 4000), 256, [0.105954007, -0.419766843, -0.506794369, -1.036903962], (1.105760, 128.150707)),
    ((1024.0, 4000), 250, [0.107402958, -0.414120247, -0.506823672, -1.031857583], (1.090950, 125.170012)),
    ((2000.0, 4000), 128, [0.187843165, 0.341926324, -0.507086546, -0.571807494], (0.812718, 63.903108)),
];

/// Sines below and above the new Nyquist frequency; `resample_reference.py` computes the same.
fn signal(n: u32) -> Vec<f32> {
    let value = |i: u32| {
        let i = f64::from(i);
        (0.05 * i).sin() + 0.5 * (0.73 * i).cos() + 0.25 * (2.1 * i + 1.0).sin()
    };
    (0..n).map(|i| value(i) as f32).collect()
}

fn resampled(rate_hz: f64, samples: &[f32], piece_len: usize) -> Vec<f32> {
    let mut outputs = Vec::new();
    let mut resampler =
        Resampler::new(Ratio::of_rates(rate_hz, 64.0).expect("common rates have a ratio to 64 Hz"));
    samples.chunks(piece_len).for_each(|piece| resampler.push(piece, &mut outputs));
    resampler.finish(&mut outputs);
    outputs
}

/// The tolerance is 1e-6 of the standard deviation of the signal, which is 0.8.
#[test]
fn common_rates_are_resampled_as_by_scipy() {
    const TOLERANCE: f64 = 0.8e-6;
    for ((rate_hz, n), n_outputs, values, (sum, squares)) in SCIPY {
        let outputs = resampled(rate_hz, &signal(n), 333);
        assert_eq!(outputs.len(), n_outputs, "{rate_hz} Hz");
        let indices = [0, n_outputs / 3, n_outputs / 2, n_outputs - 1];
        for (index, value) in indices.into_iter().zip(values) {
            let found = f64::from(outputs[index]);
            assert!((found - value).abs() < TOLERANCE, "{rate_hz} Hz: {found} {value}");
        }
        let found_sum: f64 = outputs.iter().map(|x| f64::from(*x)).sum();
        let found_squares: f64 = outputs.iter().map(|x| f64::from(*x).powi(2)).sum();
        let n_outputs = n_outputs as f64;
        assert!((found_sum - sum).abs() < TOLERANCE * n_outputs, "{rate_hz} Hz: {found_sum} {sum}");
        assert!(
            (found_squares - squares).abs() < TOLERANCE * n_outputs,
            "{rate_hz} Hz: {found_squares} {squares}"
        );
    }
}

#[test]
fn results_do_not_depend_on_how_the_signal_is_split() {
    let samples = signal(1500);
    for rate_hz in [25.0, 64.0, 200.0 / 3.0, 125.0, 500.0] {
        let whole = resampled(rate_hz, &samples, samples.len());
        for piece_len in [1, 7, 125, 1000] {
            assert_eq!(resampled(rate_hz, &samples, piece_len), whole, "{rate_hz} Hz, {piece_len}");
        }
    }
}
