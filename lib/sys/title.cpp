#include <sys/prctl.h>
#include <unistd.h>

#include <cstring>

#include "sys/calls.hpp"
#include "sys/memory.hpp"
#include "sys/proc_stat.hpp"
#include "sys/process.hpp"

namespace multiprocessing::sys {
namespace {

// Where the kernel shall look for the command line; everything else as it is.
struct prctl_mm_map layout_with_arguments(const ProcStat& stat, const char* begin,
                                          const char* end) noexcept {
  struct prctl_mm_map map{};
  map.start_code = stat.number(ProcStat::start_code);
  map.end_code = stat.number(ProcStat::end_code);
  map.start_data = stat.number(ProcStat::start_data);
  map.end_data = stat.number(ProcStat::end_data);
  map.start_brk = stat.number(ProcStat::start_brk);
  map.brk = reinterpret_cast<std::uintptr_t>(::sbrk(0));
  map.start_stack = stat.number(ProcStat::start_stack);
  map.arg_start = reinterpret_cast<std::uintptr_t>(begin);
  map.arg_end = reinterpret_cast<std::uintptr_t>(end);
  map.env_start = stat.number(ProcStat::env_start);
  map.env_end = stat.number(ProcStat::env_end);
  map.exe_fd = ~0U;
  return map;
}

char* title_page() noexcept {
  static char* const page = [] {
    void* const address = calls().mmap(nullptr, page_size(), PROT_READ | PROT_WRITE,
                                       MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    return address == MAP_FAILED ? nullptr : static_cast<char*>(address);
  }();
  return page;
}

// Points the kernel at a page of ours. Writing over argv's own strings, as others do, would change
// them under a program that still reads them.
void set_command_line(const std::string& title) noexcept {
  ProcStat stat;
  // With a second thread, the program break could move between asking and telling.
  if (!stat.read(0) || stat.number(ProcStat::threads) != 1) return;
  char* const page = title_page();
  if (page == nullptr) return;
  std::memset(page, 0, page_size());
  const std::size_t length = title.copy(page, page_size() - 1);
  const auto map = layout_with_arguments(stat, page, page + length + 1);
  calls().prctl(PR_SET_MM, PR_SET_MM_MAP, reinterpret_cast<unsigned long>(&map), sizeof(map), 0);
}

}  // namespace

void set_process_title(const std::string& title) noexcept {
  calls().prctl(PR_SET_NAME, reinterpret_cast<unsigned long>(title.c_str()), 0, 0, 0);
  set_command_line(title);
}

}  // namespace multiprocessing::sys
