// Command app is what the tests deploy: a server that is well, crashes or is unhealthy as its image says.
package main

import (
	"fmt"
	"net/http"
	"os"
	"os/signal"
	"strconv"
	"syscall"
	"time"
)

func main() {
	switch os.Args[1] {
	case "serve":
		serve()
	case "check":
		check()
	case "job": // job STATUS TEXT
		fmt.Println(os.Args[3], os.Getenv("VERSION"), os.Getenv("DATA"))
		fmt.Fprintln(os.Stderr, "on stderr")
		exit(os.Args[2])
	case "wait": // wait STATUS FILE
		fmt.Println("waiting")
		for _, err := os.Stat(os.Args[3]); err != nil; _, err = os.Stat(os.Args[3]) {
			time.Sleep(20 * time.Millisecond)
		}
		fmt.Println("waited")
		exit(os.Args[2])
	case "stop": // asks the server to end
		if err := syscall.Kill(1, syscall.SIGTERM); err != nil {
			fmt.Println(err)
			os.Exit(1)
		}
	case "write": // write FILE TEXT
		if err := os.WriteFile(os.Args[2], []byte(os.Args[3]), 0o644); err != nil {
			fmt.Println(err)
			os.Exit(1)
		}
	case "read": // read FILE
		text, err := os.ReadFile(os.Args[2])
		fmt.Print(string(text))
		if err != nil {
			fmt.Println(err)
			os.Exit(1)
		}
	}
}

func exit(status string) {
	n, _ := strconv.Atoi(status)
	os.Exit(n)
}

func serve() {
	mode := os.Getenv("MODE")
	fmt.Println("serving", os.Getenv("VERSION"), mode)
	if mode == "crash" {
		fmt.Fprintln(os.Stderr, "PHP Fatal error: no such thing")
		os.Exit(3)
	}
	term := make(chan os.Signal, 1)
	signal.Notify(term, syscall.SIGTERM)
	go func() { <-term; os.Exit(0) }()
	http.HandleFunc("/healthz", func(w http.ResponseWriter, _ *http.Request) {
		if mode == "unhealthy" {
			http.Error(w, "the database does not answer", http.StatusServiceUnavailable)
		}
	})
	fmt.Println(http.ListenAndServe(":8080", nil))
	os.Exit(1)
}

func check() {
	response, err := http.Get("http://localhost:8080/healthz")
	if err != nil {
		fmt.Println(err)
		os.Exit(1)
	}
	if response.StatusCode != http.StatusOK {
		fmt.Println("status", response.StatusCode)
		os.Exit(1)
	}
}
