// The same as sum.wgsl by subgroups: with fewer barriers over a workgroup, and none over a team, which is a subgroup here.

alias Sum = {{ sum }};

const WORKGROUP: u32 = {{ workgroup }}u;
// Of a workgroup: as many as it usually has teams. With more teams the items of the next are computed once more; with fewer,
// each team takes several.
const ITEMS: u32 = {{ items }}u;

// Which invocation of its workgroup it is. Where the workgroup is, is no part of it: a browser takes what is in a struct
// together, and a barrier behind a condition on it would be refused.
struct Lane {
    @builtin(local_invocation_index) index: u32,
    @builtin(subgroup_invocation_id) lane: u32,
    @builtin(subgroup_id) subgroup: u32,
}

struct Group {
    @builtin(workgroup_id) id: vec3<u32>,
    @builtin(num_workgroups) count: vec3<u32>,
    @builtin(num_subgroups) subgroups: u32,
}

// Which workgroup it is: beyond the x limit of a dispatch they go on in y.
fn place(group: Group) -> u32 {
    return group.id.y * group.count.x + group.id.x;
}

// One for each subgroup; how many there are is known on the device only.
var<workgroup> partial: array<Sum, {{ workgroup }}>;

// The sum of `value` over the workgroup, in every invocation.
fn workgroup_sum(group: Group, at: Lane, value: Sum) -> Sum {
    let own = subgroupAdd(value);
    if at.lane == 0u {
        partial[at.subgroup] = own;
    }
    workgroupBarrier();
    var sum = partial[0];
    for (var other = 1u; other < group.subgroups; other++) {
        sum += partial[other];
    }
    // The next sum must not overwrite what somebody still reads.
    workgroupBarrier();
    return sum;
}

// Teams of a workgroup, and which one it is in.
fn teams(group: Group) -> u32 {
    return group.subgroups;
}

fn team(at: Lane) -> u32 {
    return at.subgroup;
}

// Invocations of a team, and which one it is.
fn members(group: Group) -> u32 {
    // Not `subgroup_size`: drivers may call the largest there is what they do not use.
    return WORKGROUP / group.subgroups;
}

fn member(at: Lane) -> u32 {
    return at.lane;
}

// The sum of `value` over the team, in every member.
fn team_sum(group: Group, at: Lane, value: Sum) -> Sum {
    return subgroupAdd(value);
}
