#pragma once

[[gnu::visibility("default")]] void plugin_target(int factor);
