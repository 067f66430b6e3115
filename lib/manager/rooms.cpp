// Every kind of shared object, brought along into each program that uses a manager.
//
// A family of one program has in each process all that the program uses. Here programs meet that
// use different things, and any of them may be the one to sweep a dead process, or to let go of an
// object last: from a static library only what a program names would be linked, and what it does
// not know it could not tidy up. So a BaseManager names all there is.

#include <multiprocessing/connection.hpp>
#include <multiprocessing/managers.hpp>
#include <multiprocessing/pool.hpp>
#include <multiprocessing/queues.hpp>
#include <multiprocessing/sharedctypes.hpp>
#include <multiprocessing/synchronize.hpp>

#include "manager/rooms.hpp"

namespace multiprocessing::manager {
namespace {

// Not called: that it is there is enough.
void name_all() {
  const Barrier barrier(1);
  static_cast<void>(barrier.wait());
  const Condition condition;
  condition.notify();
  const Event event;
  event.set();
  const Semaphore semaphore;
  semaphore.release();
  const Lock lock;
  const RLock rlock;
  const Value<int> value;
  const Array<int> array(1);
  const Shared<int> shared(*array.begin() + value.get());
  const Dict<int, int> dict;
  dict.set(*shared, 1);
  const List<int> list;
  list.append(1);
  const Set<int> set;
  set.add(1);
  const multiprocessing::Namespace names;
  names.set("one", 1);
  const JoinableQueue<Connection> queue;
  queue.put(Pipe().first);
  const Pool pool(1);
  static_cast<void>(pool.stats());
}

}  // namespace

// Volatile: the compiler must not find out that nobody calls it.
void (*volatile every_kind)() = name_all;

}  // namespace multiprocessing::manager
