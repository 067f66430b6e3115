multiprocessing_test(queue_chaos_test LABELS chaos TIMEOUT 120 SOURCES chaos/queue_chaos_test.cpp)
