// The main() of every test program: a process started by spawn or forkserver does its work and
// never comes to the tests.

#include <multiprocessing/detail/start_method.hpp>

#include <cerrno>
#include <system_error>

#include <gtest/gtest.h>

int main(int argc, char** argv) {
  // UBSan needs a descriptor when it first sees an object of some type, and some tests leave none.
  try {
    throw std::system_error(EMFILE, std::system_category(), "seen");
  } catch (const std::system_error& seen) {
    (void)(seen.code().message() + seen.what());
  }
  multiprocessing::freeze_support(argc, argv);
  testing::InitGoogleTest(&argc, argv);
  return RUN_ALL_TESTS();
}
