// The same as sum.wgsl by subgroups: two barriers instead of one for each halving.

alias Sum = {{ sum }};

const WORKGROUP: u32 = {{ workgroup }}u;

// Which invocation of its workgroup it is. Where the workgroup is, is no part of it: a browser takes what is in a struct
// together, and a barrier behind a condition on it would be refused.
struct Lane {
    @builtin(local_invocation_index) index: u32,
    @builtin(subgroup_invocation_id) lane: u32,
    @builtin(subgroup_id) subgroup: u32,
    @builtin(num_subgroups) subgroups: u32,
}

// One for each subgroup; how many there are is known on the device only.
var<workgroup> partial: array<Sum, {{ workgroup }}>;

// The sum of `value` over the workgroup, in every invocation.
fn workgroup_sum(at: Lane, value: Sum) -> Sum {
    let own = subgroupAdd(value);
    if at.lane == 0u {
        partial[at.subgroup] = own;
    }
    workgroupBarrier();
    var sum = partial[0];
    for (var other = 1u; other < at.subgroups; other++) {
        sum += partial[other];
    }
    // The next sum must not overwrite what somebody still reads.
    workgroupBarrier();
    return sum;
}
