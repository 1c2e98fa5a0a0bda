//! Every golden file that needs the model, on the software Vulkan adapter.

use atelier_tests::{checks_on, software_gpu};

checks_on!(software_gpu);
