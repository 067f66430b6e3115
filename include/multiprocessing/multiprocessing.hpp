#pragma once

/// \file multiprocessing/multiprocessing.hpp
/// Everything, as `import multiprocessing, concurrent.futures, threading, queue` brings it; only
/// what carries a library of its own has to be asked for: serialization.hpp.

#include <multiprocessing/detail/transferable.hpp>  // first: fewer lines in the compiler's messages

#include <multiprocessing/connection.hpp>
#include <multiprocessing/context.hpp>
#include <multiprocessing/errors.hpp>
#include <multiprocessing/futures.hpp>
#include <multiprocessing/logging.hpp>
#include <multiprocessing/managers.hpp>
#include <multiprocessing/pool.hpp>
#include <multiprocessing/process.hpp>
#include <multiprocessing/progress.hpp>
#include <multiprocessing/queue.hpp>
#include <multiprocessing/queues.hpp>
#include <multiprocessing/shared_memory.hpp>
#include <multiprocessing/sharedctypes.hpp>
#include <multiprocessing/signals.hpp>
#include <multiprocessing/synchronize.hpp>
#include <multiprocessing/threading.hpp>
