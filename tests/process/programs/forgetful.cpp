// A program that does not call freeze_support, or not in every process. ctest runs it.
//
//   forgetful never METHOD     never calls it: start() says so in the parent
//   forgetful once METHOD      the child does not call it and starts a process of its own
//   forgetful leave METHOD     the child does not call it and leaves main()
//   forgetful early METHOD     a static constructor starts a process

#include <multiprocessing/context.hpp>

#include <cstdlib>
#include <iostream>
#include <string_view>

namespace mp = multiprocessing;

namespace {

int start_and_report(const char* method) {
  try {
    auto process = mp::get_context(method).Process([] { std::cout << "123" << std::endl; });
    process.start();
    process.join();
    std::cout << "exit code " << process.exitcode().value_or(-1) << std::endl;
  } catch (const mp::Error& error) {
    std::cout << "start: " << error.what() << std::endl;
  }
  return 0;
}

// In processes that were executed for a child, too.
const bool early = [] {
  const char* const method = std::getenv("FORGETFUL_EARLY");
  return method != nullptr && start_and_report(method) == 0;
}();

}  // namespace

int main(int argc, char** argv) {
  const std::string_view how = argc > 1 ? argv[1] : "";
  const bool child = std::getenv("FORGETFUL_CHILD") != nullptr;
  if (how == "right" || (how != "never" && !child)) {
    ::setenv("FORGETFUL_CHILD", "1", 1);
    mp::freeze_support(argc, argv);
  }
  if (how == "leave" && child) return 0;
  return start_and_report(argc > 2 ? argv[2] : "spawn");
}
