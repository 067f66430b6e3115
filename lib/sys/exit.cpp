#include "sys/exit.hpp"

#include <unistd.h>

#include <cerrno>

#include "sys/calls.hpp"
#include "sys/error.hpp"
#include "sys/streams.hpp"

namespace multiprocessing::sys {
namespace {

using Last = void (*)(int status);

// Runs in the child, as the last of its own exit handlers.
void end_here(int status, void* argument) {
  if (const auto last = reinterpret_cast<Last>(argument)) last(status);
  flush_standard_streams();
  ::_exit(status);
}

void look_on(int status, void* argument) {
  reinterpret_cast<Last>(argument)(status);
}

}  // namespace

void install_exit_barrier(Last last) {
  // POSIX lets a function pointer travel as void*; that spares an allocation in the child.
  if (calls().on_exit(end_here, reinterpret_cast<void*>(last)) != 0) throw_error(ENOMEM, "on_exit");
}

void install_exit_witness(Last last) {
  if (calls().on_exit(look_on, reinterpret_cast<void*>(last)) != 0) throw_error(ENOMEM, "on_exit");
}

}  // namespace multiprocessing::sys
