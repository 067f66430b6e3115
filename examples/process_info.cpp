// The Python program prints a title and two process ids, its own and its parent's, first from the
// main program and then from a child: the child's parent is the main program.

#include <multiprocessing/process.hpp>

#include <unistd.h>

#include <iostream>
#include <string>

namespace mp = multiprocessing;

void info(const std::string& title) {
  std::cout << title << '\n'
            << "parent process: " << getppid() << '\n'
            << "process id: " << getpid() << '\n';
}

void greet(const std::string& name) {
  info("function greet");
  std::cout << "hello " << name << '\n';
}

int main() {
  info("main line");
  mp::Process p(greet, "bob");
  p.start();
  p.join();
}
