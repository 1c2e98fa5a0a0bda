// The same as workgroup.wgsl by subgroups: with fewer barriers over a workgroup, and none over a group, which is a subgroup
// here.

enable subgroups;

// Of a workgroup: as many as it usually has groups. With more groups the items of the next are computed once more; with
// fewer, each group takes several.
const ITEMS: u32 = 1u;

// Which invocation of its workgroup it is. Where the workgroup is, is no part of it: a browser takes what is in a struct
// together, and a barrier behind a condition on it would be refused.
struct Invocation {
    @builtin(local_invocation_index) index: u32,
    @builtin(subgroup_invocation_id) lane: u32,
    @builtin(subgroup_id) subgroup: u32,
}

struct Workgroup {
    @builtin(workgroup_id) id: vec3<u32>,
    @builtin(num_workgroups) count: vec3<u32>,
    @builtin(num_subgroups) subgroups: u32,
}

// Which workgroup it is: beyond the x limit of a dispatch they go on in y.
fn workgroup_index(workgroup: Workgroup) -> u32 {
    return workgroup.id.y * workgroup.count.x + workgroup.id.x;
}

// One for each subgroup; how many there are is known on the device only.
var<workgroup> partial: array<Sum, WORKGROUP>;

// The sum of `value` over the workgroup, in every invocation.
fn workgroup_sum(workgroup: Workgroup, at: Invocation, value: Sum) -> Sum {
    let own = subgroupAdd(value);
    if at.lane == 0u {
        partial[at.subgroup] = own;
    }
    workgroupBarrier();
    var sum = partial[0];
    for (var other = 1u; other < workgroup.subgroups; other++) {
        sum += partial[other];
    }
    // The next sum must not overwrite what somebody still reads.
    workgroupBarrier();
    return sum;
}

// Groups of a workgroup, and which one it is in.
fn groups(workgroup: Workgroup) -> u32 {
    return workgroup.subgroups;
}

fn group(at: Invocation) -> u32 {
    return at.subgroup;
}

// Lanes of a group, and which one it is.
fn lanes(workgroup: Workgroup) -> u32 {
    // Not `subgroup_size`: drivers may call the largest there is what they do not use.
    return WORKGROUP / workgroup.subgroups;
}

fn lane(at: Invocation) -> u32 {
    return at.lane;
}

// The sum of `value` over the group, in every lane.
fn group_sum(workgroup: Workgroup, at: Invocation, value: Sum) -> Sum {
    return subgroupAdd(value);
}
