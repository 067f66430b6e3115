// In Python a Process has no pid (None) until it is started, a number from then on, and no exit
// code until it has ended; the program shows these three times. None is an empty std::optional
// here.

#include <multiprocessing/process.hpp>
#include <multiprocessing/synchronize.hpp>

#include <iostream>
#include <optional>
#include <string>

namespace mp = multiprocessing;

std::string text(std::optional<int> number) {
  return number ? std::to_string(*number) : "None";
}

void show(const std::string& when, const mp::Process& p) {
  std::cout << when << ": pid " << text(p.pid()) << ", " << (p.is_alive() ? "alive" : "not alive")
            << ", exit code " << text(p.exitcode()) << '\n';
}

int main() {
  const mp::Event finish;
  mp::Process p([finish] { finish.wait(); });
  show("before start", p);
  p.start();
  show("running", p);
  finish.set();
  p.join();
  show("joined", p);
}
