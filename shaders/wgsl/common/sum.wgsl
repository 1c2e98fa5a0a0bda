// Sums over a workgroup, for kernels that share a row out over one.
//
// A team is those that share an item out among themselves: here all of a workgroup, which takes one item.

alias Sum = {{ sum }};

const WORKGROUP: u32 = {{ workgroup }}u;
const ITEMS: u32 = {{ items }}u; // of a workgroup
// Sums that are added up by one invocation each, before all of these are.
const COLUMNS: u32 = 16u;

// Which invocation of its workgroup it is. Where the workgroup is, is no part of it: a browser takes what is in a struct
// together, and a barrier behind a condition on it would be refused.
struct Lane {
    @builtin(local_invocation_index) index: u32,
}

struct Group {
    @builtin(workgroup_id) id: vec3<u32>,
    @builtin(num_workgroups) count: vec3<u32>,
}

// Which workgroup it is: beyond the x limit of a dispatch they go on in y.
fn place(group: Group) -> u32 {
    return group.id.y * group.count.x + group.id.x;
}

var<workgroup> partial: array<Sum, {{ workgroup }}>;

// The sum of `value` over the workgroup, in every invocation.
fn workgroup_sum(group: Group, at: Lane, value: Sum) -> Sum {
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

// Teams of a workgroup, and which one it is in.
fn teams(group: Group) -> u32 {
    return 1u;
}

fn team(at: Lane) -> u32 {
    return 0u;
}

// Invocations of a team, and which one it is.
fn members(group: Group) -> u32 {
    return WORKGROUP;
}

fn member(at: Lane) -> u32 {
    return at.index;
}

// The sum of `value` over the team, in every member.
fn team_sum(group: Group, at: Lane, value: Sum) -> Sum {
    return workgroup_sum(group, at, value);
}
