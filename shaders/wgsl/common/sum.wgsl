// The sum over a workgroup, for kernels that share a row out over one.

alias Sum = {{ sum }};

const WORKGROUP: u32 = {{ workgroup }}u;

// Where a kernel's entry point is.
struct Invocation {
    @builtin(workgroup_id) group: vec3<u32>,
    @builtin(num_workgroups) groups: vec3<u32>,
    @builtin(local_invocation_index) local: u32,
}

var<workgroup> partial: array<Sum, {{ workgroup }}>;

// The sum of `value` over the workgroup, in every invocation.
fn workgroup_sum(at: Invocation, value: Sum) -> Sum {
    partial[at.local] = value;
    workgroupBarrier();
    for (var step = WORKGROUP / 2u; step > 0u; step /= 2u) {
        if at.local < step {
            partial[at.local] += partial[at.local + step];
        }
        workgroupBarrier();
    }
    return workgroupUniformLoad(&partial[0]);
}
