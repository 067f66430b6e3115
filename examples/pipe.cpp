// The Python program has two children at the ends of a Pipe: one sleeps after each send, the other
// before each recv, which raises EOFError once nobody holds the sending end any more.

#include <multiprocessing/connection.hpp>
#include <multiprocessing/process.hpp>

#include <chrono>
#include <iostream>
#include <string>
#include <thread>

namespace mp = multiprocessing;
using namespace std::chrono_literals;

void produce(const mp::Connection& conn) {
  for (int i = 0; i < 3; ++i) {
    conn.send("message " + std::to_string(i));
    std::this_thread::sleep_for(50ms);
  }
}

void consume(const mp::Connection& conn) {
  try {
    while (true) {
      std::this_thread::sleep_for(50ms);
      const auto message = conn.recv<std::string>();
      std::cout << "received " << message << '\n';
    }
  } catch (const mp::EOFError&) {
    std::cout << "the producer is done\n";
  }
}

int main() {
  auto [reader, writer] = mp::Pipe(/*duplex=*/false);
  mp::Process producer(produce, writer);
  producer.start();
  writer.close();
  mp::Process consumer(consume, reader);
  consumer.start();
  producer.join();
  consumer.join();
}
