multiprocessing_test(pool_chaos_test LABELS chaos SOURCES chaos/pool_chaos_test.cpp)
