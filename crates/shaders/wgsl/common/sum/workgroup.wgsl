// Sums over a workgroup, for kernels that share a row out over one.
//
// A group is the invocations that share an item out among themselves: here the whole workgroup, which takes one item. The
// kernel says its WORKGROUP, and Sum, the type that is added up.

const ITEMS: u32 = 1u; // of a workgroup
// Sums that are added up by one invocation each, before all of these are.
const COLUMNS: u32 = 16u;

// Which invocation of its workgroup it is. Where the workgroup is, is no part of it: a browser takes what is in a struct
// together, and a barrier behind a condition on it would be refused.
struct Invocation {
    @builtin(local_invocation_index) index: u32,
}

struct Workgroup {
    @builtin(workgroup_id) id: vec3<u32>,
    @builtin(num_workgroups) count: vec3<u32>,
}

// Which workgroup it is: beyond the x limit of a dispatch they go on in y.
fn workgroup_index(workgroup: Workgroup) -> u32 {
    return workgroup.id.y * workgroup.count.x + workgroup.id.x;
}

var<workgroup> partial: array<Sum, WORKGROUP>;

// The sum of `value` over the workgroup, in every invocation.
fn workgroup_sum(workgroup: Workgroup, at: Invocation, value: Sum) -> Sum {
    partial[at.index] = value;
    workgroupBarrier();
    if at.index < COLUMNS {
        var column = value;
        for (var other = at.index + COLUMNS; other < WORKGROUP; other += COLUMNS) {
            column += partial[other];
        }
        partial[at.index] = column;
    }
    workgroupBarrier();
    var sum = partial[0];
    for (var other = 1u; other < COLUMNS; other++) {
        sum += partial[other];
    }
    // The next sum must not overwrite what somebody still reads.
    workgroupBarrier();
    return sum;
}

// Groups of a workgroup, and which one it is in.
fn groups(workgroup: Workgroup) -> u32 {
    return 1u;
}

fn group(at: Invocation) -> u32 {
    return 0u;
}

// Lanes of a group, and which one it is.
fn lanes(workgroup: Workgroup) -> u32 {
    return WORKGROUP;
}

fn lane(at: Invocation) -> u32 {
    return at.index;
}

// The sum of `value` over the group, in every lane.
fn group_sum(workgroup: Workgroup, at: Invocation, value: Sum) -> Sum {
    return workgroup_sum(workgroup, at, value);
}
