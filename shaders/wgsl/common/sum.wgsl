// The sum over a workgroup, for kernels that share a row out over one.

alias Sum = {{ sum }};

const WORKGROUP: u32 = {{ workgroup }}u;

// Which invocation of its workgroup it is. Where the workgroup is, is no part of it: a browser takes what is in a struct
// together, and a barrier behind a condition on it would be refused.
struct Lane {
    @builtin(local_invocation_index) index: u32,
}

var<workgroup> partial: array<Sum, {{ workgroup }}>;

// The sum of `value` over the workgroup, in every invocation.
fn workgroup_sum(at: Lane, value: Sum) -> Sum {
    partial[at.index] = value;
    workgroupBarrier();
    for (var step = WORKGROUP / 2u; step > 0u; step /= 2u) {
        if at.index < step {
            partial[at.index] += partial[at.index + step];
        }
        workgroupBarrier();
    }
    return workgroupUniformLoad(&partial[0]);
}
