// output = the first id at which the running sum of the kept weights exceeds uniform · their sum;
// weight = exp((logit - largest) / temperature), 0 below e⁻⁸⁷.
//
// Kept are the k largest logits and those equal to the last of them; of these, by falling logit, the shortest list whose
// weights reach p of their sum, lower ids first among equals. Temperature 0 keeps the first of the largest.
//
// logits: [vocab] as bits of f32: compilers may take it that there is no NaN, but not that there is no such bit pattern
// output: [1], vocab if an allowed logit is NaN or +∞, or none is finite
//
// One workgroup. The border of what is kept is found two bits at a time, as the largest number whose upper part is large
// enough; then each invocation takes a stretch of ids, in order.

#import sum::workgroup

const WORKGROUP: u32 = 256u;

alias Sum = vec4<f32>;

struct Sizes {
    vocab: u32,
    allowed: u32, // ids from here on are not drawn
    top_k: u32,
    temperature: f32, // not negative
    divisor: f32, // the temperature, but not 0
    top_p: f32,
    uniform_number: f32, // in [0, 1)
}

@group(0) @binding(0) var<storage, read_write> logits: array<u32>;
@group(0) @binding(1) var<storage, read_write> output: array<i32>;
@group(0) @binding(2) var<storage, read> sizes: Sizes;

// Of -∞ and +∞.
const LOWEST: u32 = 0x007fffffu;
const BEYOND: u32 = 0xff800000u;

var<workgroup> ranks: array<u32, WORKGROUP>;

// A logit as a number that rises with it; NaN is above all.
fn rank_of(bits: u32) -> u32 {
    if (bits & 0x7fffffffu) > 0x7f800000u {
        return 0xffffffffu;
    }
    if bits >> 31u == 0u || bits == 0x80000000u {
        return bits | 0x80000000u;
    }
    return ~bits;
}

fn logit_of(rank: u32) -> f32 {
    return bitcast<f32>(select(~rank, rank & 0x7fffffffu, rank >> 31u == 1u));
}

fn weight_of(rank: u32, largest: f32, divisor: f32) -> f32 {
    if rank <= LOWEST {
        return 0.0;
    }
    let x = (logit_of(rank) - largest) / divisor;
    if x < -87.0 {
        return 0.0;
    }
    // The built-in may be off by many units in the last place; this is the twin's.
    let power = round(x * 1.442695);
    let rest = x - power * 0.69314575 - power * 1.4286068e-6;
    var series = 1.0 / 720.0;
    series = series * rest + 1.0 / 120.0;
    series = series * rest + 1.0 / 24.0;
    series = series * rest + 1.0 / 6.0;
    series = series * rest + 0.5;
    series = series * rest + 1.0;
    series = series * rest + 1.0;
    return series * bitcast<f32>(u32(i32(power) + 127) << 23u);
}

// How many logits have at least these ranks.
fn counts_from(workgroup: Workgroup, at: Invocation, allowed: u32, least: vec4<u32>) -> vec4<f32> {
    var counts = vec4<f32>();
    for (var i = at.index; i < allowed; i += WORKGROUP) {
        counts += select(vec4<f32>(), vec4(1.0), vec4(rank_of(logits[i])) >= least);
    }
    return workgroup_sum(workgroup, at, counts);
}

// The weight of all logits of at least these ranks.
fn masses_from(
    workgroup: Workgroup,
    at: Invocation,
    allowed: u32,
    least: vec4<u32>,
    largest: f32,
    divisor: f32,
) -> vec4<f32> {
    var masses = vec4<f32>();
    for (var i = at.index; i < allowed; i += WORKGROUP) {
        let rank = rank_of(logits[i]);
        let weight = weight_of(rank, largest, divisor);
        masses += select(vec4<f32>(), vec4(weight), vec4(rank) >= least);
    }
    return workgroup_sum(workgroup, at, masses);
}

// What two bits more make of a rank.
fn extended(rank: u32, shift: u32) -> vec4<u32> {
    return vec4(rank) | (vec4(0u, 1u, 2u, 3u) << vec4(shift));
}

@compute @workgroup_size(WORKGROUP)
fn main(workgroup: Workgroup, at: Invocation) {
    let local = at.index;
    let allowed = sizes.allowed;
    let divisor = sizes.divisor;
    let p = sizes.top_p;

    // Unless something is drawn.
    if local == 0u {
        output[0] = i32(sizes.vocab);
    }
    storageBarrier();
    var own = 0u;
    for (var i = local; i < allowed; i += WORKGROUP) {
        own = max(own, rank_of(logits[i]));
    }
    ranks[local] = own;
    workgroupBarrier();
    if local < COLUMNS {
        for (var other = local; other < WORKGROUP; other += COLUMNS) {
            own = max(own, ranks[other]);
        }
        ranks[local] = own;
    }
    workgroupBarrier();
    if local == 0u {
        for (var other = 1u; other < COLUMNS; other++) {
            own = max(own, ranks[other]);
        }
        ranks[0] = own;
    }
    let top = workgroupUniformLoad(&ranks[0]);
    if top <= LOWEST || top >= BEYOND {
        return;
    }
    let largest = logit_of(top);

    // Kept is what lies above the border, and the first `equals` of those on it.
    var border = 0u;
    var equals = allowed;
    if sizes.temperature == 0.0 {
        border = top;
        equals = 1u;
    } else {
        if sizes.top_k < allowed {
            for (var shift = 32u; shift > 0u; shift -= 2u) {
                let higher = extended(border, shift - 2u);
                let counts = counts_from(workgroup, at, allowed, higher);
                for (var i = 1u; i < 4u; i++) {
                    border = select(border, higher[i], counts[i] >= f32(sizes.top_k));
                }
            }
        }
        if p < 1.0 {
            let least = border;
            let enough = p * masses_from(workgroup, at, allowed, vec4(least), largest, divisor).x;
            border = 0u;
            for (var shift = 32u; shift > 0u; shift -= 2u) {
                let higher = extended(border, shift - 2u);
                let masses = masses_from(workgroup, at, allowed, max(higher, vec4(least)), largest, divisor);
                for (var i = 1u; i < 4u; i++) {
                    border = select(border, higher[i], higher[i] <= top && masses[i] >= enough);
                }
            }
            border = max(border, least);
            let above = masses_from(workgroup, at, allowed, vec4(border + 1u), largest, divisor).x;
            equals = max(1u, u32(ceil((enough - above) / weight_of(border, largest, divisor))));
        }
    }

    let each = (allowed + WORKGROUP - 1u) / WORKGROUP;
    let start = min(local * each, allowed);
    let end = min(start + each, allowed);
    var on_border = 0u;
    for (var id = start; id < end; id++) {
        on_border += select(0u, 1u, rank_of(logits[id]) == border);
    }
    ranks[local] = on_border;
    workgroupBarrier();
    var equals_before = 0u;
    for (var other = 0u; other < local; other++) {
        equals_before += ranks[other];
    }
    var mass = 0.0;
    var equal = equals_before;
    for (var id = start; id < end; id++) {
        let rank = rank_of(logits[id]);
        if rank > border || (rank == border && equal < equals) {
            mass += weight_of(rank, largest, divisor);
        }
        equal += select(0u, 1u, rank == border);
    }
    partial[local].x = mass;
    workgroupBarrier();
    // All add up in the same order, so that the target lies in one stretch only.
    var before = 0.0;
    var total = 0.0;
    for (var other = 0u; other < WORKGROUP; other++) {
        if other == local {
            before = total;
        }
        total += partial[other].x;
    }
    let target_mass = sizes.uniform_number * total;
    if target_mass < before || target_mass >= before + mass {
        return;
    }
    var drawn = start;
    equal = equals_before;
    for (var id = start; id < end && before <= target_mass; id++) {
        let rank = rank_of(logits[id]);
        if rank > border || (rank == border && equal < equals) {
            let weight = weight_of(rank, largest, divisor);
            // Where rounding keeps the sum from passing the target, the last one it is.
            if weight > 0.0 {
                drawn = id;
            }
            before += weight;
        }
        equal += select(0u, 1u, rank == border);
    }
    output[0] = i32(drawn);
}
