#pragma once

/// \file wire/module_table.hpp
/// The executable and the shared libraries of this process, by address and by build.
///
///   threads   every function may be called concurrently; no lock is taken but the loader's
///   death     private to the process; a forked child goes on with its parent's snapshot

#include <cstddef>
#include <cstdint>
#include <string>
#include <utility>
#include <vector>

namespace multiprocessing::wire {

struct Module {
  std::uint64_t id = 0;  // hash of the build-id note, or of the path if there is none
  std::uintptr_t base = 0;
  std::string path;
  std::string build;                                            // for messages
  std::vector<std::pair<std::uintptr_t, std::uintptr_t>> code;  // [first, last) executable
  std::vector<std::pair<std::uintptr_t, std::uintptr_t>>
      memory;  // [first, last) all that is loaded

  [[nodiscard]] bool contains(std::uintptr_t address) const noexcept;
  [[nodiscard]] bool has_code_at(std::uintptr_t address) const noexcept;
};

/// The modules that are loaded now. The snapshot is taken anew after a dlopen or dlclose and stays
/// valid for the life of the process.
const std::vector<Module>& loaded_modules();

}  // namespace multiprocessing::wire
