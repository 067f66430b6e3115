#pragma once

// Lines that the process floor writes to standard error.

#include <exception>
#include <string>
#include <string_view>

namespace multiprocessing::process {

/// One line, in one write, after what the streams hold. Never fails.
void notice(std::string_view text) noexcept;

/// "Process NAME:", then where and what, as Python prints an exception that ends a process.
void report_exception(const std::string& title, const std::exception_ptr& exception) noexcept;

/// `heading`, a colon and the traceback of an exception that escaped in `where`. Never fails.
void report_exception(const std::string& heading, const std::string& where,
                      const std::exception_ptr& exception) noexcept;

/// Says once per program that a threaded process is about to fork.
void warn_about_threads() noexcept;

}  // namespace multiprocessing::process
