#pragma once

// See rooms.cpp. Death: nothing to do.

namespace multiprocessing::manager {

/// Whoever names this is linked with every kind of shared object. Not to be called.
extern void (*volatile every_kind)();

}  // namespace multiprocessing::manager
