// std::sqrt is many functions.

#include <multiprocessing/process.hpp>

#include <cmath>

int main() {
  multiprocessing::Process process(std::sqrt, 2.0);
}
