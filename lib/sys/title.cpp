#include <sys/prctl.h>
#include <sys/single_threaded.h>
#include <unistd.h>

#include <array>
#include <cstdint>
#include <cstring>

#include "sys/calls.hpp"
#include "sys/proc_stat.hpp"
#include "sys/process.hpp"

namespace multiprocessing::sys {
namespace {

constexpr std::size_t kTitleSize = 4096;

// What the kernel has set at the start of the program: it holds in every forked child, too.
constinit struct prctl_mm_map layout{};
constinit bool layout_known = false;

// Not on the heap, nor mapped: a child that writes its title pays for this page only.
alignas(4096) constinit std::array<char, kTitleSize> page{};

void take_layout(const ProcStat& stat) noexcept {
  layout.start_code = stat.number(ProcStat::start_code);
  layout.end_code = stat.number(ProcStat::end_code);
  layout.start_data = stat.number(ProcStat::start_data);
  layout.end_data = stat.number(ProcStat::end_data);
  layout.start_brk = stat.number(ProcStat::start_brk);
  layout.start_stack = stat.number(ProcStat::start_stack);
  layout.env_start = stat.number(ProcStat::env_start);
  layout.env_end = stat.number(ProcStat::env_end);
  layout.exe_fd = ~0U;
  layout_known = true;
}

// With a second thread, the program break could move between asking and telling.
bool alone_and_ready() noexcept {
  if (layout_known && __libc_single_threaded != 0) return true;
  ProcStat stat;
  if (!stat.read(0)) return false;
  take_layout(stat);
  return stat.number(ProcStat::threads) == 1;
}

// Points the kernel at a page of ours. Writing over argv's own strings, as others do, would change
// them under a program that still reads them.
void set_command_line(const std::string& title) noexcept {
  if (!alone_and_ready()) return;
  const std::size_t length = title.copy(page.data(), page.size() - 1);
  std::memset(page.data() + length, 0, page.size() - length);
  layout.arg_start = reinterpret_cast<std::uintptr_t>(page.data());
  layout.arg_end = layout.arg_start + length + 1;
  layout.brk = reinterpret_cast<std::uintptr_t>(::sbrk(0));
  calls().prctl(PR_SET_MM, PR_SET_MM_MAP, reinterpret_cast<unsigned long>(&layout), sizeof layout,
                0);
}

}  // namespace

void prepare_titles() noexcept {
  if (layout_known) return;
  ProcStat stat;
  if (stat.read(0)) take_layout(stat);
}

void set_process_title(const std::string& title) noexcept {
  calls().prctl(PR_SET_NAME, reinterpret_cast<unsigned long>(title.c_str()), 0, 0, 0);
  set_command_line(title);
}

}  // namespace multiprocessing::sys
