//! Every golden file that needs the model, on the CPU device.

use atelier_tests::{checks_on, cpu};

checks_on!(cpu);
