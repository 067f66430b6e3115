#include "wire/module_table.hpp"

#include <elf.h>
#include <link.h>
#include <pthread.h>

#include <algorithm>
#include <atomic>
#include <cstring>
#include <filesystem>
#include <memory>
#include <mutex>
#include <string_view>
#include <system_error>

namespace multiprocessing::wire {

namespace {

using Ranges = std::vector<std::pair<std::uintptr_t, std::uintptr_t>>;

bool within(const Ranges& ranges, std::uintptr_t address) noexcept {
  return std::ranges::any_of(ranges, [address](const auto& range) {
    return range.first <= address && address < range.second;
  });
}

std::uint64_t hash_bytes(std::string_view bytes) noexcept {
  std::uint64_t hash = 0xcbf29ce484222325U;
  for (const char c : bytes) hash = (hash ^ static_cast<unsigned char>(c)) * 0x100000001b3U;
  return hash;
}

std::size_t padded(std::size_t size) noexcept {
  return (size + 3) & ~std::size_t{3};
}

/// The bytes of the GNU build-id among the notes at `at`; empty if it is not there.
std::string_view find_build_id(const char* at, std::size_t size) {
  const char* const end = at + size;
  while (end - at >= static_cast<std::ptrdiff_t>(sizeof(ElfW(Nhdr)))) {
    ElfW(Nhdr) note{};
    std::memcpy(&note, at, sizeof note);
    const char* name = at + sizeof note;
    const char* bytes = name + padded(note.n_namesz);
    at = bytes + padded(note.n_descsz);
    if (at > end) break;
    if (note.n_type == NT_GNU_BUILD_ID &&
        std::string_view(name, note.n_namesz) == std::string_view("GNU\0", 4)) {
      return {bytes, note.n_descsz};
    }
  }
  return {};
}

std::string hex(std::string_view bytes) {
  constexpr std::string_view kDigits = "0123456789abcdef";
  std::string text;
  for (const char c : bytes) {
    const auto byte = static_cast<unsigned char>(c);
    text += kDigits[byte >> 4U];
    text += kDigits[byte & 15U];
  }
  return text;
}

std::string path_of(const dl_phdr_info& info) {
  if (info.dlpi_name != nullptr && info.dlpi_name[0] != '\0') return info.dlpi_name;
  std::error_code ignored;  // the executable has no name here
  return std::filesystem::read_symlink("/proc/self/exe", ignored).string();
}

Module describe(const dl_phdr_info& info) {
  Module module;
  module.base = info.dlpi_addr;
  module.path = path_of(info);
  std::string_view build_id;
  for (std::size_t i = 0; i < info.dlpi_phnum; ++i) {
    const auto& header = info.dlpi_phdr[i];
    const std::uintptr_t first = info.dlpi_addr + header.p_vaddr;
    const std::uintptr_t last = first + header.p_memsz;
    if (header.p_type == PT_LOAD) {
      module.memory.emplace_back(first, last);
      if ((header.p_flags & PF_X) != 0) module.code.emplace_back(first, last);
    } else if (header.p_type == PT_NOTE && build_id.empty()) {
      // NOLINTNEXTLINE(performance-no-int-to-ptr): so the loader tells it
      build_id = find_build_id(reinterpret_cast<const char*>(first), header.p_memsz);
    }
  }
  module.build = build_id.empty() ? "no build-id" : "build-id " + hex(build_id);
  module.id = hash_bytes(build_id.empty() ? std::string_view(module.path) : build_id);
  return module;
}

// The loader's own lock, under which it goes through its list, stays locked for ever in a child
// that another thread forks meanwhile: no fork is made while this one is held.
constinit std::mutex list_in_use;

[[maybe_unused]] const int hooked = ::pthread_atfork(
    [] { list_in_use.lock(); }, [] { list_in_use.unlock(); }, [] { list_in_use.unlock(); });

void go_through_modules(int (*visit)(dl_phdr_info*, std::size_t, void*), void* out) {
  const std::lock_guard guard(list_in_use);
  (void)::dl_iterate_phdr(visit, out);
}

struct Snapshot {
  unsigned long long changes = 0;  // dlopen and dlclose since the start of the process
  std::vector<Module> modules;
  const Snapshot* previous = nullptr;  // kept: somebody may be reading it
};

unsigned long long count_changes() {
  unsigned long long changes = 0;
  go_through_modules(
      [](dl_phdr_info* info, std::size_t, void* out) {
        *static_cast<unsigned long long*>(out) = info->dlpi_adds + info->dlpi_subs;
        return 1;  // the first module tells
      },
      &changes);
  return changes;
}

std::unique_ptr<Snapshot> take_snapshot() {
  auto snapshot = std::make_unique<Snapshot>();
  go_through_modules(
      [](dl_phdr_info* info, std::size_t, void* out) {
        auto* taken = static_cast<Snapshot*>(out);
        taken->changes = info->dlpi_adds + info->dlpi_subs;
        taken->modules.push_back(describe(*info));
        return 0;
      },
      snapshot.get());
  return snapshot;
}

}  // namespace

bool Module::contains(std::uintptr_t address) const noexcept {
  return within(memory, address);
}
bool Module::has_code_at(std::uintptr_t address) const noexcept {
  return within(code, address);
}

const std::vector<Module>& loaded_modules() {
  static std::atomic<const Snapshot*> latest{nullptr};
  const Snapshot* known = latest.load(std::memory_order_acquire);  // [M]
  if (known != nullptr && known->changes == count_changes()) return known->modules;
  auto fresh = take_snapshot();
  fresh->previous = known;
  // Of two that race each publishes its own: both are true, and each keeps the one before it.
  while (!latest.compare_exchange_weak(fresh->previous, fresh.get(), std::memory_order_release,
                                       std::memory_order_relaxed)) {  // [M]
  }
  return fresh.release()->modules;
}

}  // namespace multiprocessing::wire
