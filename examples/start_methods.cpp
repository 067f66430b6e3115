// The same worker under each start method. Only fork takes a callable that captures; spawn and
// forkserver need the first line of main(), and pass targets and arguments as values and handles.

#include <multiprocessing/context.hpp>

#include <iostream>
#include <string>

namespace mp = multiprocessing;

namespace {

void greet(const mp::Queue<std::string>& answers, const std::string& method) {
  answers.put("hello from " + mp::current_process().name() + ", born by " + method);
}

}  // namespace

int main(int argc, char** argv) {
  mp::freeze_support(argc, argv);

  const mp::Queue<std::string> answers;
  for (const std::string method : {"fork", "forkserver", "spawn"}) {
    const auto ctx = mp::get_context(method);
    auto process = ctx.Process({.name = "worker"}, greet, answers, method);
    process.start();
    process.join();
    std::cout << answers.get() << '\n';
  }
}
