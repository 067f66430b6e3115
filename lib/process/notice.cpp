#include "process/notice.hpp"

#include <atomic>

#include <multiprocessing/errors.hpp>

#include "sys/children.hpp"
#include "sys/io.hpp"

namespace multiprocessing::process {
namespace {

constexpr int kStandardError = 2;

void write_out(const std::string& text) noexcept {
  sys::flush_standard_streams();
  // One write: lines of several processes do not mix.
  (void)sys::write_full(kStandardError, text.data(), text.size());
}

}  // namespace

void notice(std::string_view text) noexcept {
  try {
    write_out("multiprocessing: " + std::string(text) + "\n");
  } catch (...) {  // NOLINT(bugprone-empty-catch): no memory, hence no line
  }
}

void report_exception(const std::string& title, const std::exception_ptr& exception) noexcept {
  try {
    report_exception("Process " + title,
                     "process " + title + ", pid " + std::to_string(sys::current_pid()), exception);
  } catch (...) {
    notice("an exception ended the process, and there is no memory to say which");
  }
}

void report_exception(const std::string& heading, const std::string& where,
                      const std::exception_ptr& exception) noexcept {
  try {
    std::string text = heading + ":\nTraceback (most recent call last):\n  in " + where + "\n";
    if (const std::string before = remote_traceback(exception); !before.empty()) {
      text += before + (before.back() == '\n' ? "" : "\n");
    }
    write_out(text + describe(exception) + "\n");
  } catch (...) {
    notice("an exception escaped, and there is no memory to say which");
  }
}

void warn_about_threads() noexcept {
  static constinit std::atomic<bool> warned{false};
  // relaxed: the flag is all there is to see
  if (warned.load(std::memory_order_relaxed) || !sys::has_other_threads()) return;
  if (warned.exchange(true, std::memory_order_relaxed)) return;
  try {
    notice("warning: process " + std::to_string(sys::current_pid()) +
           " runs several threads; a child forked from it finds the locks that other threads held "
           "locked for ever. Start processes before threads, or use forkserver.");
  } catch (...) {  // NOLINT(bugprone-empty-catch): no memory, hence no line
  }
}

}  // namespace multiprocessing::process
