// The main() of every test program: a process started by spawn or forkserver does its work and
// never comes to the tests.

#include <multiprocessing/detail/start_method.hpp>

#include <gtest/gtest.h>

int main(int argc, char** argv) {
  multiprocessing::freeze_support(argc, argv);
  testing::InitGoogleTest(&argc, argv);
  return RUN_ALL_TESTS();
}
