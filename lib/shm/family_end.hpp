#pragma once

// What the last process of a family does when it ends: for what the kernel does not give back by
// itself.
//
// A process that has run the last of its exit handlers marks its slot `leaving` and then looks at
// all others. It is the last if each of them has ended, is leaving itself, or is a helper, which
// never runs anything of the program's. Two that leave at once may both be the last, so a hook
// must stand being run twice; one of them sees the other's mark, so somebody is.
//
// Ordering. Each pair is named where it is used.
//   [L] mark the own slot (seq_cst), look at the others' flags (seq_cst): of two that leave, one
//       sees the other's mark
//
// Death: a killed process runs nothing of this. If it was the last, what is left is found by the
// program's next start.

namespace multiprocessing::shm {

using EndHook = void (*)() noexcept;

/// To be run in the family's last process. Before main().
void register_end_hook(EndHook hook) noexcept;

/// This process runs nothing of the program's any more. Runs the hooks if it is the last of its
/// family. For children of the library's; all others come here by an exit handler.
void end_of_process() noexcept;

/// This process, the fork server, never runs anything of the program's.
void be_helper() noexcept;

}  // namespace multiprocessing::shm
