#pragma once

// What the other end's going means to this one.

#include <chrono>
#include <system_error>

#include <multiprocessing/connection.hpp>

namespace multiprocessing::test {

/// True if nothing more comes: receiving throws EOFError.
inline bool at_end(const Connection& connection) {
  try {
    (void)connection.recv<int>(std::chrono::seconds(20));
  } catch (const EOFError&) {
    return true;
  }
  return false;
}

/// True if nobody will receive what is sent.
inline bool broken(const Connection& connection) {
  try {
    connection.send(1);
  } catch (const std::system_error& error) {
    return error.code() == std::errc::broken_pipe;
  }
  return false;
}

}  // namespace multiprocessing::test
