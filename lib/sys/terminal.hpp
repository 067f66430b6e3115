#pragma once

/// \file sys/terminal.hpp
/// What a descriptor tells about the terminal behind it.

namespace multiprocessing::sys {

[[nodiscard]] bool is_terminal(int fd) noexcept;

/// Whether both descriptors are open on one and the same terminal.
[[nodiscard]] bool same_terminal(int a, int b) noexcept;

struct TerminalSize {
  int columns = 0;  ///< 0 if it is not known
  int rows = 0;
};

/// The size that the terminal has now; zeros if `fd` is none or does not say.
[[nodiscard]] TerminalSize terminal_size(int fd) noexcept;

}  // namespace multiprocessing::sys
