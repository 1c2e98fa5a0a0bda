// The sum over a workgroup, for kernels that give a row to each.

const WORKGROUP: u32 = {{ workgroup }}u;

var<workgroup> partial: array<f32, {{ workgroup }}>;

// The sum of `value` over the workgroup, in every invocation.
fn workgroup_sum(local: u32, value: f32) -> f32 {
    partial[local] = value;
    workgroupBarrier();
    for (var step = WORKGROUP / 2u; step > 0u; step /= 2u) {
        if local < step {
            partial[local] += partial[local + step];
        }
        workgroupBarrier();
    }
    return workgroupUniformLoad(&partial[0]);
}
