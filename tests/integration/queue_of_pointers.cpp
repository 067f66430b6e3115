// A queue of structs with a pointer is refused where it is made; the message names the field.

#include <multiprocessing/queues.hpp>

struct Job {
  int id;
  char* text;
};

void make() {
  multiprocessing::Queue<Job> queue;
}
