#pragma once

// The managers that this process has started: at its normal end they are shut down before the
// library waits for its children, of which they are some.
//
// Death: nothing to do: a started manager ends with its parent, however that ends.

namespace multiprocessing::manager {

class ManagerState;

void remember_started(ManagerState& state);
void forget_started(ManagerState& state) noexcept;

}  // namespace multiprocessing::manager
