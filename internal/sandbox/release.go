package sandbox

import (
	"context"
	"fmt"

	"github.com/moby/moby/client"
)

func push(ctx context.Context, engine client.APIClient, image, auth string) error {
	response, err := engine.ImagePush(ctx, image, client.ImagePushOptions{RegistryAuth: auth})
	if err == nil {
		err = response.Wait(ctx)
	}
	if err != nil {
		return fmt.Errorf("push %s: %w", image, err)
	}
	return nil
}
