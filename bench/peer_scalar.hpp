// peer_scalar.hpp - the scalar workloads for a C++ library, and the process that harness.h describes.
//
// A peer is a struct with the library's number type and what differs between libraries:
//
//     struct Peer {
//         using Number = …;
//         static void begin();                         // a new recording
//         static Number input(double x);               // an independent variable
//         static double number(const Number &x);
//         static Number power(const Number &x, int n);
//         static Number relu(const Number &x);
//         static void backward(Number &root);
//         static double gradient(const Number &x, int i); // of the i-th input
//         static void end();                           // gives everything back
//     };
#ifndef BENCH_PEER_SCALAR_HPP
#define BENCH_PEER_SCALAR_HPP

#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <ctime>
#include <fstream>
#include <string>
#include <vector>

#include "scalar_workloads.h"

template <class Peer> struct Workloads {
    using Number = typename Peer::Number;

    static void expr(double *results)
    {
        Peer::begin();
        {
            Number a = Peer::input(-4), b = Peer::input(2);
            Number c = a + b;
            Number d = a * b + Peer::power(b, 3);
            c = c + (c + 1.0);
            c = c + ((1.0 + c) + (-a));
            d = d + (d * 2.0 + Peer::relu(b + a));
            d = d + (3.0 * d + Peer::relu(b - a));
            Number e = c - d;
            Number f = Peer::power(e, 2);
            Number g = f / 2.0;
            g = g + 10.0 / f;
            Peer::backward(g);
            results[0] = Peer::number(g);
            results[1] = Peer::gradient(a, 0);
            results[2] = Peer::gradient(b, 1);
        }
        Peer::end();
    }

    static Mlp samples;

    template <class Input>
    static Number neuron(int n, const std::vector<Number> &p, int first, const Input *x)
    {
        Number sum = p[first + n];
        for (int i = 0; i < n; i++)
            sum = sum + p[first + i] * x[i];
        return sum;
    }

    static Number network(const std::vector<Number> &p, const double *x)
    {
        Number first[MLP_HIDDEN], second[MLP_HIDDEN];
        int at = 0;
        for (int j = 0; j < MLP_HIDDEN; j++, at += MLP_INPUTS + 1)
            first[j] = Peer::relu(neuron(MLP_INPUTS, p, at, x));
        for (int j = 0; j < MLP_HIDDEN; j++, at += MLP_HIDDEN + 1)
            second[j] = Peer::relu(neuron(MLP_HIDDEN, p, at, first));
        return neuron(MLP_HIDDEN, p, at, second);
    }

    static Number sample_loss(const std::vector<Number> &p, int i)
    {
        return Peer::relu(1.0 + (-samples.targets[i]) * network(p, samples.inputs[i]));
    }

    static void mlp(double *results)
    {
        Peer::begin();
        {
            std::vector<Number> p(MLP_PARAMETERS);
            for (int k = 0; k < MLP_PARAMETERS; k++)
                p[k] = Peer::input(samples.parameters[k]);
            Number data = sample_loss(p, 0);
            for (int i = 1; i < MLP_SAMPLES; i++)
                data = data + sample_loss(p, i);
            Number squares = p[0] * p[0];
            for (int k = 1; k < MLP_PARAMETERS; k++)
                squares = squares + p[k] * p[k];
            Number loss = data * 0.01 + 1e-4 * squares;
            Peer::backward(loss);
            results[0] = Peer::number(loss);
            results[1] = 0;
            for (int k = 0; k < MLP_PARAMETERS; k++)
                results[1] += (k + 1) * Peer::gradient(p[k], k);
            results[2] = Peer::gradient(p[100], 100);
        }
        Peer::end();
    }

    static Dag dag;
    static bool halves;

    static Number dag_node(int k, const std::vector<Number> &ring, const std::vector<Number> &leaf)
    {
        const Number &a = ring[dag.a[k]];
        if (dag.op[k] == DAG_ADD_LEAF)
            return a + leaf[dag.b[k]];
        if (dag.op[k] == DAG_MULTIPLY)
            return a * ring[dag.b[k]];
        if (halves)
            return 0.5 * a;
        return tanh(a);
    }

    static void run_dag(double *results)
    {
        Peer::begin();
        {
            std::vector<Number> leaf(DAG_LEAVES);
            for (int i = 0; i < DAG_LEAVES; i++)
                leaf[i] = Peer::input(dag.leaf[i]);
            std::vector<Number> ring = leaf;
            for (int k = 0, here = 0; k < DAG_NODES; k++, here = here + 1 < DAG_LEAVES ? here + 1 : 0)
                ring[here] = dag_node(k, ring, leaf);
            Number out = ring[0];
            for (int i = 1; i < DAG_LEAVES; i++)
                out = out + ring[i];
            Peer::backward(out);
            results[0] = Peer::number(out);
            results[1] = Peer::gradient(leaf[DAG_LEAVES - 1], DAG_LEAVES - 1);
            results[2] = Peer::gradient(leaf[0], 0);
            results[3] = 0;
            for (int i = 0; i < DAG_LEAVES; i++)
                results[3] += Peer::gradient(leaf[i], i);
        }
        Peer::end();
    }

    static int steps;

    static void chain(double *results)
    {
        Peer::begin();
        {
            Number start = Peer::input(1), x = start;
            for (int i = 0; i < steps; i++)
                x = x * chain_factor + chain_term;
            Peer::backward(x);
            results[0] = Peer::number(x);
            results[1] = Peer::gradient(start, 0);
        }
        Peer::end();
    }

    using Run = void (*)(double *results);

    static Run find(const std::string &name)
    {
        if (name == "W1")
            return expr;
        if (name == "W2" || name == "W2-affine") {
            mlp_make(&samples);
            return mlp;
        }
        if (name == "W3" || name == "W3n") {
            halves = name == "W3n";
            dag_make(&dag, halves);
            return run_dag;
        }
        steps = name == "W4" ? 1000000 : name == "W4-long" ? 10000000 : 0;
        return steps ? chain : nullptr;
    }

    // As harness.c takes it.
    static double peak_bytes()
    {
        std::ifstream status("/proc/self/status");
        double peak = 0, files = 0;
        for (std::string word; status >> word;) {
            if (word == "VmHWM:")
                status >> peak;
            else if (word == "RssFile:")
                status >> files;
        }
        return (peak - files) * 1024;
    }

    static double processor_seconds()
    {
        struct timespec time;
        clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &time);
        return time.tv_sec + 1e-9 * time.tv_nsec;
    }

    static int serve(int argc, char **argv) { return serve(argc == 2 ? find(argv[1]) : nullptr); }

    static int serve(Run run)
    {
        char line[64];
        if (!run)
            return 1;
        std::printf("ready %.0f\n", peak_bytes());
        while (std::fflush(stdout) == 0 && std::fgets(line, sizeof line, stdin) &&
               std::strncmp(line, "repeat ", 7) == 0) {
            double results[MOST_RESULTS] = {0};
            const long count = std::atol(line + 7);
            const double start = processor_seconds();
            for (long i = 0; i < count; i++)
                run(results);
            std::printf("%.9g %.0f", processor_seconds() - start, peak_bytes());
            for (double result : results)
                std::printf(" %.17g", result);
            std::printf("\n");
        }
        return 0;
    }
};

template <class Peer> Mlp Workloads<Peer>::samples;
template <class Peer> Dag Workloads<Peer>::dag;
template <class Peer> bool Workloads<Peer>::halves;
template <class Peer> int Workloads<Peer>::steps;

#endif
