#pragma once

[[gnu::visibility("default")]] void plugin_target(int factor);
[[gnu::visibility("default")]] int plugin_product(int factor);
